/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The short way across nodes. The uplinks are the interfaces by which other nodes' packets come in; each has two
 * programs. from_uplink (TC ingress) hands what belongs to a known flow straight to the pod; the rest may be dropped
 * early (early_drop.h). to_uplink (TC egress) only learns: a frame of a pod's established flow shows by which uplink
 * such frames leave, and with which MAC addresses, so that from_pod can send the next ones there itself
 * (redirect_from_pod()).
 *
 * Whatever the node's stack did to a packet on its way, the frame that leaves is its result: routing rules, several
 * next hops and neighbours need not be understood here. What was translated, encrypted or wrapped up does not have the
 * ends any more under which the pod's flow is known, and shows nothing.
 *
 * As between two pods (redirect.h): the verdict on a packet's direction is fresh and made under the pod's present
 * publication; each direction learns for itself; nf_conntrack, routing and the neighbours see one packet of each in
 * CATFLAP_FAST_FLOW_JIFFIES. The links of these programs live with the agent, so without it everything goes the whole
 * way.
 */
#ifndef CATFLAP_UPLINK_H
#define CATFLAP_UPLINK_H

#include <linux/if_packet.h>

#include "early_drop.h"
#include "fast_path.h"

/* The C library's numbers of the families; its header is not for this target. */
#define FAMILY_IPV4 2
#define FAMILY_IPV6 10

static __always_inline struct context context_at_uplink(struct __sk_buff *skb, enum catflap_direction direction)
{
    const struct context c = {
        .skb = skb,
        .direction = direction,
        .sender_ifindex = skb->ingress_ifindex,
        .cpu = bpf_get_smp_processor_id(),
        .packets = skb->gso_segs ? skb->gso_segs : 1,
    };

    return c;
}

/* A packet that passes by its fast flow, to the pod whose host-side veth has this index. */
static __always_inline int deliver(const struct context *c, const struct catflap_fast_flow *fast, __u32 ifindex)
{
    const __u32 index = c->fast_index;
    const struct catflap_delivery *delivery = is_settled(fast) ? bpf_map_lookup_elem(&deliveries, &index) : NULL;

    if (!delivery || delivery->ifindex != ifindex || !rewrite_frame(c, delivery->macs, ifindex))
        return TC_ACT_UNSPEC;
    pass(c, fast->slot, fast->rule[CATFLAP_TO_POD]);
    return bpf_redirect_peer(ifindex, 0);
}

static __always_inline int process_from_uplink(struct __sk_buff *skb)
{
    struct context c = context_at_uplink(skb, CATFLAP_TO_POD);
    struct fast_packet p;

    /* Others' frames go on, too: to a virtual machine behind a bridge, or a macvlan. */
    if ((!catflap_redirects && !catflap_early_drop) || skb->pkt_type != PACKET_HOST || skb->vlan_present ||
        skb->len < EARLY_IPV4_BYTES || make_linear(skb, skb->len < EARLY_MAX_BYTES ? skb->len : EARLY_MAX_BYTES))
        return TC_ACT_UNSPEC;
    if (catflap_redirects && catflap_fast_flow_jiffies && fast_parse(&c, &p)) {
        const __u32 *ifindex = bpf_map_lookup_elem(&local_addresses, &p.local);
        const struct catflap_fast_flow *fast;

        if (!ifindex)
            return TC_ACT_UNSPEC;
        c.publication = find_publication(*ifindex);
        fast = c.publication ? fast_flow_match(&c, &p) : NULL;
        /* A bridge may have shown the frame to nf_conntrack already (br_netfilter); the pod's would not look again. */
        if (fast && fast->redirected & CATFLAP_REDIRECTED_TO_POD && catflap_tracked && !tracking_word(skb))
            return deliver(&c, fast, *ifindex);
        if (fast)
            return TC_ACT_UNSPEC;
    }
    return catflap_early_drop ? early_drop_of_skb(skb) : TC_ACT_UNSPEC;
}

/*
 * True: the largest packets of the pod may leave by this uplink in one piece, also by what routes and the path say (the
 * lookup compares with the route's MTU, kernel 5.12). A route that it does not find, such as one that depends on a
 * packet's mark, is left to the stack.
 */
static __always_inline int leaves_whole(const struct context *c, const struct fast_packet *p, __u32 pod_mtu_bytes)
{
    struct bpf_fib_lookup route = {
        .l4_protocol = p->protocol,
        .sport = bpf_htons(p->local_port),
        .dport = bpf_htons(p->remote_port),
        .tot_len = (__u16)pod_mtu_bytes,
        .ifindex = c->sender_ifindex,
    };
    long result;

    if (is_ipv4_mapped(&p->local)) {
        route.family = FAMILY_IPV4;
        route.ipv4_src = p->local.word_be[3];
        route.ipv4_dst = p->remote.word_be[3];
    } else {
        route.family = FAMILY_IPV6;
        __builtin_memcpy(route.ipv6_src, &p->local, sizeof(route.ipv6_src));
        __builtin_memcpy(route.ipv6_dst, &p->remote, sizeof(route.ipv6_dst));
    }
    result = bpf_fib_lookup(c->skb, &route, sizeof(route), 0);
    return (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH) &&
           route.ifindex == c->skb->ifindex;
}

static __always_inline void learn_way_out(const struct context *c, const struct fast_packet *p,
                                          struct catflap_fast_flow *flow)
{
    const __u8 *frame = (const __u8 *)(long)c->skb->data;
    const __u32 uplink_ifindex = c->skb->ifindex;
    const __u32 index = c->fast_index;
    const struct catflap_uplink *uplink = bpf_map_lookup_elem(&uplinks, &uplink_ifindex);
    struct catflap_redirect *redirect = bpf_map_lookup_elem(&redirects, &index);

    if (!uplink || !(uplink->ways & CATFLAP_UPLINK_OUT) || !redirect ||
        frame + ETH_HLEN > (const __u8 *)(long)c->skb->data_end || !leaves_whole(c, p, uplink->pod_mtu_bytes))
        return;
    redirect->ifindex = uplink_ifindex;
    redirect->publication = 0;
    redirect->priority = c->skb->priority;
    __builtin_memcpy(redirect->macs, frame, sizeof(redirect->macs));
    take_short_way(flow, CATFLAP_REDIRECTED_FROM_POD);
}

/*
 * Changes no packet, and drops none. nf_conntrack's word on the frame tells what came through the stack: what from_pod
 * sent here itself has none.
 */
static __always_inline int process_to_uplink(struct __sk_buff *skb)
{
    struct context c = context_at_uplink(skb, CATFLAP_FROM_POD);
    struct catflap_fast_flow *flow;
    struct fast_packet p;
    unsigned long word;

    if (!catflap_redirects || !catflap_tracked || !catflap_fast_flow_jiffies || !c.sender_ifindex)
        return TC_ACT_UNSPEC;
    word = tracking_word(skb);
    if (!is_in_connection(word))
        return TC_ACT_UNSPEC;
    c.publication = find_publication(c.sender_ifindex);
    if (!c.publication || !fast_parse(&c, &p))
        return TC_ACT_UNSPEC;
    flow = fast_flow_match(&c, &p);
    if (flow && (flow->redirected & (CATFLAP_REDIRECTED_FROM_POD | CATFLAP_SENT_AGAIN)) == CATFLAP_SENT_AGAIN &&
        redirect_gate_open(flow->slot, p.protocol) && !was_translated(connection_of(word)))
        learn_way_out(&c, &p, flow);
    return TC_ACT_UNSPEC;
}

#endif
