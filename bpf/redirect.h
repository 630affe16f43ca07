/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The short way between two pods of this node: what one sends in the middle of a connection is handed to the other
 * one's end of its veth (bpf_redirect_peer, kernel 5.10), past the node's stack, netfilter and to_pod.
 *
 * It is learned at to_pod, from the second packet or a later one that came the whole way: if the sender's interface has
 * a fresh verdict on exactly the packet's ends, and nf_conntrack translates nothing of its connection, the frame shows
 * the addresses that it has to have at its receiver. Each direction of a connection learns for itself, so what a
 * Service's answers go through is never left out. The sender's verdict and the receiver's publication are checked with
 * every packet, so a change of policy, labels or pod at either end takes effect with the next one.
 *
 * A fast flow never outlives CATFLAP_FAST_FLOW_JIFFIES, and begins with a packet that goes the whole way. So the node's
 * routes, neighbours and nf_conntrack see one packet of each direction in that time, and keep the connection alive;
 * they see all of its handshake and its end. The receiver's verdict may have been a copy when it was learned, so what
 * nf_conntrack said of the connection is at most twice as old.
 */
#ifndef CATFLAP_REDIRECT_H
#define CATFLAP_REDIRECT_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "account.h"
#include "conntrack.h"
#include "endpoint.h"
#include "maps.h"
#include "parse/fast_parse.h"

static __always_inline int redirect_gate_open(__u32 slot, __u8 protocol)
{
    const __u32 *gate = bpf_map_lookup_elem(&redirect_gates, &slot);

    return gate &&
           *(const volatile __u32 *)gate >= (protocol == IPPROTO_TCP ? CATFLAP_REDIRECT_TCP_UDP : CATFLAP_REDIRECT_UDP);
}

/*
 * True: nf_conntrack translates nothing of the connection. Equal ends at both veths alone do not prove it: a pod may
 * have a connection to a Service, and one to its backend from the same port, which has to be moved to another one
 * behind the sender's veth.
 */
static __always_inline int is_plain_connection(struct __sk_buff *skb, const struct catflap_fast_flow *mine)
{
    const struct packet p = {
        .source = mine->remote,
        .destination = mine->local,
        .ports = {.source_port = mine->remote_port, .destination_port = mine->local_port},
        .protocol = mine->protocol,
        .ipv6 = !is_ipv4_mapped(&mine->local),
    };
    struct nf_conn *connection;
    int plain;
    __u8 dir;

    unsigned long word;

    if (!catflap_tracked) /* the loader offers no short way then; without this an older kernel refuses the function */
        return 0;
    word = tracking_word(skb);
    if (is_in_connection(word))
        return !was_translated(connection_of(word));
    if (is_untracked(word))
        return 0;
    connection = find_connection(skb, &p, TUPLE_OF_POD, &dir);
    if (!connection)
        return 0;
    plain = !was_translated(connection);
    bpf_ct_release(connection);
    return plain;
}

/* What the element of the flow's index says is complete by now. */
static __always_inline void take_short_way(struct catflap_fast_flow *flow, enum catflap_redirected which)
{
    struct catflap_health *h = health();

    barrier();
    *(volatile __u8 *)&flow->redirected |= which;
    if (h)
        h->redirects_learned++;
}

/*
 * At to_pod, for a packet that passes, and came in by sender_ifindex, an uplink. index: of its fast flow, mine.
 */
static __always_inline void learn_delivery(const struct context *c, struct catflap_fast_flow *mine, __u32 index)
{
    const __u8 *frame = (const __u8 *)(long)c->skb->data;
    const __u32 uplink_ifindex = mine->sender_ifindex;
    const struct catflap_uplink *uplink;
    struct catflap_delivery *delivery;

    if (mine->redirected & CATFLAP_REDIRECTED_TO_POD)
        return;
    uplink = bpf_map_lookup_elem(&uplinks, &uplink_ifindex);
    if (!uplink || !(uplink->ways & CATFLAP_UPLINK_IN) || !is_plain_connection(c->skb, mine))
        return;
    delivery = bpf_map_lookup_elem(&deliveries, &index);
    if (!delivery || frame + ETH_HLEN > (const __u8 *)(long)c->skb->data_end)
        return;
    delivery->ifindex = c->skb->ifindex;
    __builtin_memcpy(delivery->macs, frame, sizeof(delivery->macs));
    take_short_way(mine, CATFLAP_REDIRECTED_TO_POD);
}

/*
 * At to_pod, for a packet that passes. mine: its fast flow; sender_flow: the one at the place that the sender's
 * interface has for it, and index that of its redirect.
 */
static __always_inline void learn_redirect(const struct context *c, const struct catflap_fast_flow *mine,
                                           struct catflap_fast_flow *sender_flow, __u32 index)
{
    const __u8 *frame = (const __u8 *)(long)c->skb->data;
    struct catflap_redirect *redirect;

    if (sender_flow->redirected & CATFLAP_REDIRECTED_FROM_POD || !same_address(&sender_flow->remote, &mine->local) ||
        !same_address(&sender_flow->local, &mine->remote) || sender_flow->remote_port != mine->local_port ||
        sender_flow->local_port != mine->remote_port || sender_flow->protocol != mine->protocol ||
        sender_flow->rule[CATFLAP_FROM_POD] == CATFLAP_NO_VERDICT || !is_plain_connection(c->skb, mine))
        return;
    redirect = bpf_map_lookup_elem(&redirects, &index);
    if (!redirect || frame + ETH_HLEN > (const __u8 *)(long)c->skb->data_end)
        return;
    redirect->ifindex = c->skb->ifindex;
    redirect->publication = c->publication;
    redirect->rule = mine->rule[CATFLAP_TO_POD];
    redirect->slot = mine->slot;
    __builtin_memcpy(redirect->macs, frame, sizeof(redirect->macs));
    barrier();
    take_short_way(sender_flow, CATFLAP_REDIRECTED_FROM_POD);
}

/* The frame as the receiver gets it, up to the last byte that differs; IPv4: the header's checksum. */
union redirected_head {
    struct {
        __u8 macs[12];
        __be16 ethertype;
        __u8 ip[12];
    } field;
    __u8 byte[26];
};
#define REDIRECTED_IPV6_BYTES (ETH_HLEN + 8) /* up to the hop limit */

/* Returns how many bytes of the head to store; 0: the packet's time is over. */
static __always_inline __u32 make_head(const struct context *c, const __u8 *macs, union redirected_head *head)
{
    const __u8 *frame = (const __u8 *)(long)c->skb->data;

    if (frame + sizeof(head->byte) > (const __u8 *)(long)c->skb->data_end)
        return 0;
    __builtin_memcpy(head->byte, frame, sizeof(head->byte));
    __builtin_memcpy(head->field.macs, macs, sizeof(head->field.macs));
    if (head->field.ethertype == bpf_htons(ETH_P_IPV6)) {
        __u8 *hop_limit = &head->field.ip[offsetof(struct ipv6hdr, hop_limit)];

        if (*hop_limit <= 1)
            return 0;
        --*hop_limit;
        return REDIRECTED_IPV6_BYTES;
    } else {
        __u8 *ttl = &head->field.ip[offsetof(struct iphdr, ttl)];
        __u8 *checksum = &head->field.ip[offsetof(struct iphdr, check)];
        __u32 sum = (__u32)checksum[0] << 8 | checksum[1];

        if (*ttl <= 1)
            return 0;
        --*ttl;
        sum += 0x0100; /* RFC 1624: one less in the high byte of its word */
        sum += sum >= 0xffff;
        checksum[0] = (__u8)(sum >> 8);
        checksum[1] = (__u8)sum;
        return sizeof(head->byte);
    }
}

/*
 * The first packets of a flow go the whole way and may wait in this CPU's backlog, where what comes in the same batch
 * would overtake them. By the next tick they have long arrived. TCP puts a few segments in order by itself (RACK, RFC
 * 8985), and many connections are over before the tick is.
 */
static __always_inline int is_settled(const struct catflap_fast_flow *fast)
{
    return fast->protocol == IPPROTO_TCP || bpf_jiffies64() - fast->seen_jiffies >= catflap_settle_jiffies;
}

/*
 * True: every packet of the skb fits the interface. A veth hands on whatever its peer makes of segmentation offload
 * (PACKET_VNET_HDR), and the pod's end may have a larger MTU than the host's. Kernel 5.12.
 */
static __always_inline int fits(struct __sk_buff *skb, __u32 ifindex)
{
    __u32 mtu_bytes = 0;

    return bpf_check_mtu(skb, ifindex, &mtu_bytes, 0, BPF_MTU_CHK_SEGS) == BPF_MTU_CHK_RET_SUCCESS;
}

/*
 * A card may have summed up the packet (CHECKSUM_COMPLETE). In IPv4 the header's own checksum takes up what becomes of
 * the time to live; IPv6 has none.
 */
static __always_inline void adjust_sum(struct __sk_buff *skb, const union redirected_head *head)
{
    __be32 after, before;

    __builtin_memcpy(&after, head->field.ip + 4, sizeof(after)); /* the hop limit is the last byte */
    before = bpf_htonl(bpf_ntohl(after) + 1);
    bpf_csum_update(skb, (__wsum)bpf_csum_diff(&before, sizeof(before), &after, sizeof(after), 0));
}

/*
 * Gives the frame these MAC addresses, and takes one hop off its time to live, on the way to the interface. False: it
 * has to go the whole way.
 */
static __always_inline int rewrite_frame(const struct context *c, const __u8 *macs, __u32 ifindex)
{
    union redirected_head head;
    const __u32 bytes = make_head(c, macs, &head);

    if (!bytes || !fits(c->skb, ifindex))
        return 0;
    if (bpf_skb_store_bytes(c->skb, 0, head.byte,
                            bytes == REDIRECTED_IPV6_BYTES ? REDIRECTED_IPV6_BYTES : sizeof(head.byte), 0))
        return 0;
    if (bytes == REDIRECTED_IPV6_BYTES)
        adjust_sum(c->skb, &head);
    return 1;
}

/*
 * At from_pod, for a packet that passes by its fast flow. Returns TC_ACT_UNSPEC if it has to go the whole way: then
 * nothing of it has changed.
 */
static __always_inline int redirect_from_pod(const struct context *c, const struct catflap_fast_flow *fast)
{
    const __u32 index = c->fast_index;
    const struct catflap_redirect *redirect = is_settled(fast) ? bpf_map_lookup_elem(&redirects, &index) : NULL;
    struct context at_receiver = *c;

    if (!redirect || (redirect->publication && find_publication(redirect->ifindex) != redirect->publication) ||
        !rewrite_frame(c, redirect->macs, redirect->ifindex))
        return TC_ACT_UNSPEC;
    pass(c, fast->slot, fast->rule[CATFLAP_FROM_POD]);
    if (!redirect->publication) {
        c->skb->priority = redirect->priority;
        return bpf_redirect(redirect->ifindex, 0);
    }
    at_receiver.direction = CATFLAP_TO_POD;
    pass(&at_receiver, redirect->slot, redirect->rule);
    return bpf_redirect_peer(redirect->ifindex, 0);
}

#endif
