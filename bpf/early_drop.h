/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Early drop, on the interfaces by which other nodes' packets come in: what the ingress policies of a pod of this node
 * deny, and what belongs to no connection, is dropped before it is routed, tracked, and handed through netfilter.
 *
 * The same tables decide as at to_pod, for the same pod, and the same counters count. But the source is that on the
 * wire: where the node itself translates what it forwards to pods, the two may differ (decision 19). What is not
 * certain goes on its way: packets to other addresses than a pod's own (node ports, Services: not translated yet),
 * other protocols, fragments, options, the middle of TCP connections (which would pay for a lookup with every packet).
 */
#ifndef CATFLAP_EARLY_DROP_H
#define CATFLAP_EARLY_DROP_H

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "account.h"
#include "classify.h"
#include "conntrack.h"
#include "endpoint.h"
#include "fast_path.h"
#include "flow.h"
#include "parse/transport.h"

#define EARLY_IPV4_BYTES (ETH_HLEN + sizeof(struct iphdr))
#define EARLY_IPV6_BYTES (ETH_HLEN + sizeof(struct ipv6hdr))
#define EARLY_MAX_BYTES (EARLY_IPV6_BYTES + sizeof(struct tcphdr))

/* False: it is not a TCP SYN or a UDP packet in one piece. Sets *p as parse() does, for a packet to a pod. */
static __always_inline int early_transport(const __u8 *l4, const __u8 *end, __u32 l4_bytes, struct packet *p)
{
    if (p->protocol == IPPROTO_TCP) {
        if (l4_bytes < sizeof(struct tcphdr) || l4 + sizeof(struct tcphdr) > end || (l4[12] >> 4) < 5)
            return 0;
        p->tcp_flags = l4[13];
        if (!opens_connection(p))
            return 0;
    } else if (p->protocol != IPPROTO_UDP || l4_bytes < 8 || l4 + 8 > end) {
        return 0;
    }
    p->ports.source_port = bpf_ntohs(*(const __be16 *)l4);
    p->ports.destination_port = bpf_ntohs(*(const __be16 *)(l4 + 2));
    return 1;
}

static __always_inline int early_parse(const __u8 *data, const __u8 *end, __u32 frame_bytes, struct packet *p)
{
    const struct ethhdr *eth = (const struct ethhdr *)data;

    if ((const __u8 *)(eth + 1) > end)
        return 0;
    if (eth->h_proto == bpf_htons(ETH_P_IP)) {
        const struct iphdr *ip = (const struct iphdr *)(data + ETH_HLEN);

        if ((const __u8 *)(ip + 1) > end || *(const __u8 *)ip != IPV4_WITHOUT_OPTIONS ||
            ip->frag_off & bpf_htons(IPV4_IS_FRAGMENT))
            return 0;
        set_ipv4(&p->source, ip->saddr);
        set_ipv4(&p->destination, ip->daddr);
        p->protocol = ip->protocol;
        p->ip_bytes = bpf_ntohs(ip->tot_len);
        return p->ip_bytes >= sizeof(*ip) && p->ip_bytes <= frame_bytes - ETH_HLEN &&
               early_transport(data + EARLY_IPV4_BYTES, end, p->ip_bytes - sizeof(*ip), p);
    }
    if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
        const struct ipv6hdr *ip6 = (const struct ipv6hdr *)(data + ETH_HLEN);

        if ((const __u8 *)(ip6 + 1) > end || ip6->version != 6)
            return 0;
        __builtin_memcpy(&p->source, &ip6->saddr, sizeof(p->source));
        __builtin_memcpy(&p->destination, &ip6->daddr, sizeof(p->destination));
        if (is_ipv4_mapped(&p->source) || is_ipv4_mapped(&p->destination))
            return 0;
        p->ipv6 = 1;
        p->protocol = ip6->nexthdr;
        p->ip_bytes = sizeof(*ip6) + bpf_ntohs(ip6->payload_len);
        return p->ip_bytes <= frame_bytes - ETH_HLEN &&
               early_transport(data + EARLY_IPV6_BYTES, end, p->ip_bytes - sizeof(*ip6), p);
    }
    return 0;
}

/* The middle of an exchange that to_pod has let pass: UDP answers, which the pod's own table may not admit. */
static __always_inline int passed_lately(const struct context *c, const struct packet *p, __u32 uplink)
{
    struct fast_packet ends;
    const struct catflap_fast_flow *fast;
    __u32 index;

    if (!catflap_fast_flow_jiffies)
        return 0;
    read_ends(&ends, c, p);
    index = fast_flow_index(c->cpu, c->publication, &ends.remote, ends.local_port, ends.remote_port);
    fast = bpf_map_lookup_elem(&fast_flows, &index);
    return fast && fast->publication == c->publication && fast_flow_has_ends(fast, &ends) &&
           fast->rule[CATFLAP_TO_POD] != CATFLAP_NO_VERDICT && fast->sender_ifindex == uplink && fast_flow_fresh(fast);
}

/*
 * What the pod's own direction says of a UDP packet, to_pod need not find out once more: if the packet has the same
 * ends there, and came in by the same interface, the verdict is the same. It has to look whether the packet is tracked.
 * Not while somebody wants to be told of new flows, which is done where they are judged.
 */
static __always_inline void remember_admitted(const struct context *c, const struct packet *p, __u32 rule)
{
    if (p->protocol == IPPROTO_UDP && !is_told(CATFLAP_LISTEN_FLOWS))
        fast_flow_remember(c, p, rule, CATFLAP_JUDGED_EARLY);
}

/*
 * True: the pod's own direction denies the packet, by the rule *rule; nf_conntrack has to be asked whether it belongs
 * to a connection. Completes *c for the account.
 */
static __always_inline int early_denied(struct context *c, const struct packet *p, __u32 uplink, __u32 *rule)
{
    const struct catflap_address destination = p->destination;
    const __u32 *ifindex;
    __u32 cell = 0;

    if (saw_untracked())
        return 0;
    ifindex = bpf_map_lookup_elem(&local_addresses, &destination);
    if (!ifindex)
        return 0;
    c->publication = find_publication(*ifindex);
    c->endpoint = published(c->publication);
    if (!c->endpoint || c->endpoint->tables[CATFLAP_TO_POD].open ||
        !same_address(own_address(c->endpoint, p->ipv6), &destination))
        return 0;
    c->bytes = p->ip_bytes;
    c->sender_ifindex = uplink;
    if (passed_lately(c, p, uplink) ||
        classify(&c->endpoint->tables[CATFLAP_TO_POD], &p->source, p->protocol, p->ports.destination_port, &cell))
        return 0;
    *rule = cell & CATFLAP_CELL_RULE;
    if (cell & CATFLAP_CELL_ALLOW)
        remember_admitted(c, p, *rule);
    return !(cell & CATFLAP_CELL_ALLOW);
}

/*
 * One such packet in a while goes on, and is dropped by to_pod: only there the skb tells that a rule exempts packets of
 * pods from nf_conntrack, and that what looked like no connection is one. A flood does not notice. Two CPUs may both
 * see it due.
 */
static __u64 catflap_sampled_ns = 0;

static __always_inline int is_sample(void)
{
    const __u64 now = now_ns();

    if (!catflap_early_sample_ns || now - *(const volatile __u64 *)&catflap_sampled_ns < catflap_early_sample_ns)
        return 0;
    catflap_sampled_ns = now;
    return 1;
}

static __always_inline int early_drop_of_skb(struct __sk_buff *skb)
{
    struct context c = {
        .direction = CATFLAP_TO_POD,
        .cpu = bpf_get_smp_processor_id(),
        .packets = skb->gso_segs ? skb->gso_segs : 1,
    };
    struct packet p = {};
    struct nf_conn *connection;
    __u32 rule = CATFLAP_RULE_NONE;
    __u8 dir;

    c.skb = skb, c.packet = &p, c.at_uplink = 1;
    /* Others' frames go on, too: to a virtual machine behind a bridge, or a macvlan. */
    if (!catflap_tracked || skb->pkt_type != PACKET_HOST || skb->vlan_present || skb->len < EARLY_IPV4_BYTES ||
        make_linear(skb, skb->len < EARLY_MAX_BYTES ? skb->len : EARLY_MAX_BYTES) ||
        !early_parse((const __u8 *)(long)skb->data, (const __u8 *)(long)skb->data_end, skb->len, &p) ||
        !early_denied(&c, &p, skb->ifindex, &rule))
        return TC_ACT_UNSPEC;
    connection = find_connection(skb, &p, TUPLE_OF_PACKET, &dir);
    if (connection) {
        bpf_ct_release(connection);
        return TC_ACT_UNSPEC;
    }
    return is_sample() ? TC_ACT_UNSPEC : drop(&c, CATFLAP_REASON_POLICY, rule);
}

static __always_inline int early_drop_of_frame(struct xdp_md *frame)
{
    const __u8 *data = (const __u8 *)(long)frame->data;
    const __u8 *end = (const __u8 *)(long)frame->data_end;
    struct context c = {
        .direction = CATFLAP_TO_POD,
        .cpu = bpf_get_smp_processor_id(),
        .packets = 1,
    };
    struct packet p = {};
    struct nf_conn *connection;
    __u32 rule = CATFLAP_RULE_NONE;
    __u8 dir;

    c.frame = frame, c.packet = &p;
    if (!catflap_tracked || !early_parse(data, end, (__u32)(end - data), &p) ||
        !early_denied(&c, &p, frame->ingress_ifindex, &rule))
        return XDP_PASS;
    connection = find_connection_of_frame(frame, &p, &dir);
    if (connection) {
        bpf_ct_release(connection);
        return XDP_PASS;
    }
    if (is_sample())
        return XDP_PASS;
    return drop(&c, CATFLAP_REASON_POLICY, rule) == TC_ACT_UNSPEC ? XDP_PASS : XDP_DROP;
}

#endif
