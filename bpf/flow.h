/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the flow cache: the key of a packet's flow, its lifetime and its state machine. An entry is a
 * hint: an allowed packet in the direction in which its flow was opened passes without it. The datapath itself checks
 * expiry, so correctness does not depend on garbage collection.
 */
#ifndef CATFLAP_FLOW_H
#define CATFLAP_FLOW_H

#include <bpf/bpf_core_read.h>
#include <catflap/flow.h>

#include "maps.h"
#include "parse/packet.h"

/*
 * The coarse clock costs a few ns where bpf_ktime_get_ns costs 35; a tick (1 to 10 ms) is fine enough for timeouts.
 * Kernels before 5.11 do not have it.
 */
static __always_inline __u64 now_ns(void)
{
    if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_coarse_ns))
        return bpf_ktime_get_ns();
    return bpf_ktime_get_coarse_ns();
}

/* False: left by an earlier pod of the same slot. */
static __always_inline int flow_of_this_pod(const struct catflap_flow *flow,
                                            const struct catflap_endpoint_config *endpoint)
{
    return catflap_flow_of_this_pod(flow, endpoint->first_generation);
}

/* False: stale, something that its verdict depends on has changed since it was judged. */
static __always_inline int flow_current(const struct catflap_flow *flow, const struct catflap_endpoint_config *endpoint)
{
    return catflap_flow_current(flow, endpoint->generation, catflap_keep);
}

/*
 * The rule counter of the flow's packets. In another generation the rule may be gone and its number reused, so flows
 * that are not judged again (the node's own, and all of them with --established=keep) count by endpoint only.
 */
static __always_inline __u32 counted_rule(const struct catflap_flow *flow,
                                          const struct catflap_endpoint_config *endpoint)
{
    return flow->generation == endpoint->generation ? flow->rule : CATFLAP_RULE_NONE;
}

/* The key is the same for both directions of a flow: local is the pod's end. */
static __always_inline void make_flow_key(struct catflap_flow_key *key, const struct packet *p,
                                          enum catflap_direction direction, __u32 slot)
{
    const int quoted = p->kind == PACKET_ICMP_ERROR;
    const struct catflap_address *source = quoted ? &p->quoted_source : &p->source;
    const struct catflap_address *destination = quoted ? &p->quoted_destination : &p->destination;
    const __u8 protocol = quoted ? p->quoted_protocol : p->protocol;

    if (direction == CATFLAP_FROM_POD) {
        key->remote = *destination;
        key->local_port = p->ports.source_port;
        key->remote_port = p->ports.destination_port;
    } else {
        key->remote = *source;
        key->local_port = p->ports.destination_port;
        key->remote_port = p->ports.source_port;
    }
    key->slot_protocol = catflap_slot_protocol(slot, protocol);
}

static __always_inline int opens_connection(const struct packet *p)
{
    if (p->echo_request)
        return 1;
    return p->protocol == IPPROTO_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* The hook that the connection's first packet came through. Those of the node itself come to the pod. */
static __always_inline enum catflap_direction opening_direction(__u8 opener)
{
    return opener == CATFLAP_OPENER_FROM_POD ? CATFLAP_FROM_POD : CATFLAP_TO_POD;
}

static __always_inline int is_opener(const struct catflap_flow *flow, enum catflap_direction direction)
{
    return direction == opening_direction(flow->opener);
}

/*
 * A SYN or an echo request opens a new connection, whatever the cache has for its ports: it is judged in its own
 * direction. The exception is a simultaneous open (RFC 9293, 3.5), where a SYN answers a SYN.
 */
static __always_inline int is_new_connection(const struct packet *p, const struct catflap_flow *flow,
                                             enum catflap_direction direction)
{
    if (!opens_connection(p))
        return 0;
    if (p->echo_request)
        return flow->opener != direction; /* a flow allows replies, and no requests of the other side */
    return !(flow->state == CATFLAP_FLOW_OPENING && !is_opener(flow, direction));
}

/*
 * True: the packet does not belong to the flow, in spite of the same key. Masquerading gives one address and port to
 * one sender after another, and nf_conntrack may forget a UDP exchange earlier than we do. A new TCP connection begins
 * with a SYN, which is judged; with other protocols the sender is told by the interface that its packets come in by.
 * ifindex: that of this packet, 0 for the node itself.
 */
static __always_inline int from_other_sender(const struct packet *p, const struct catflap_flow *flow,
                                             enum catflap_direction direction, __u32 ifindex)
{
    if (direction == CATFLAP_FROM_POD || p->kind != PACKET_ORDINARY || p->protocol == IPPROTO_TCP)
        return 0;
    if (flow->opener == CATFLAP_OPENER_TO_POD)
        return flow->sender_ifindex != ifindex && flow->sender_ifindex != CATFLAP_SENDER_UNKNOWN;
    return flow->opener == CATFLAP_OPENER_HOST && ifindex != 0;
}

static __always_inline __u8 next_tcp_state(const struct catflap_flow *flow, const struct packet *p, int from_opener)
{
    if (p->tcp_flags & TCP_RST || flow->state == CATFLAP_FLOW_CLOSED)
        return CATFLAP_FLOW_CLOSED;
    if (p->tcp_flags & TCP_FIN)
        return CATFLAP_FLOW_CLOSING;
    if (flow->state == CATFLAP_FLOW_OPENING && !from_opener)
        return CATFLAP_FLOW_REPLIED;
    if (flow->state == CATFLAP_FLOW_REPLIED && from_opener)
        return CATFLAP_FLOW_ESTABLISHED;
    return flow->state;
}

static __always_inline void store_state(struct catflap_flow *flow, const struct catflap_flow_key *key, __u8 state,
                                        __u64 now)
{
    if (state != flow->state) {
        struct catflap_flow *there = bpf_map_lookup_elem(&flows, key);

        if (there)
            there->state = state;
    }
    if ((__s64)(now - flow->last_seen_ns) > (__s64)CATFLAP_SECOND_NS)
        flow->last_seen_ns = now;
}

/*
 * Updates the flow's state and time. Stores only what has changed, so that the cache line of a busy flow stays shared
 * between CPUs. A race between two CPUs may lose a state change; that only makes the entry expire earlier or later. A
 * change of state, which is rare, is stored after another lookup: judging takes a while, and an LRU map reuses evicted
 * elements at once.
 */
static __always_inline void track(struct catflap_flow *flow, const struct catflap_flow_key *key, const struct packet *p,
                                  enum catflap_direction direction, __u64 now)
{
    const int from_opener = is_opener(flow, direction);
    __u8 state = flow->state;

    if (p->protocol == IPPROTO_TCP)
        state = next_tcp_state(flow, p, from_opener);
    else if (!from_opener)
        state = CATFLAP_FLOW_ESTABLISHED;
    store_state(flow, key, state, now);
}

/* Likewise, of a packet in the opener's direction, where nf_conntrack has told whether there were answers. */
static __always_inline void track_answered(struct catflap_flow *flow, const struct catflap_flow_key *key,
                                           const struct packet *p, int answered, __u64 now)
{
    __u8 state = flow->state;

    if (answered && state < CATFLAP_FLOW_ESTABLISHED)
        state = CATFLAP_FLOW_ESTABLISHED;
    if (p->protocol == IPPROTO_TCP)
        state = p->tcp_flags & TCP_RST ? CATFLAP_FLOW_CLOSED : p->tcp_flags & TCP_FIN ? CATFLAP_FLOW_CLOSING : state;
    store_state(flow, key, state, now);
}

#endif
