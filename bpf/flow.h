/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the flow cache: the key of a packet's flow, how long a flow lives, how its state moves. An entry
 * is a hint. It is never needed to let an allowed packet pass in the direction in which its flow was opened, and the
 * datapath itself judges whether it has expired: no collector has a part in correctness.
 */
#ifndef CATFLAP_FLOW_H
#define CATFLAP_FLOW_H

#include <catflap/flow.h>

#include "maps.h"
#include "parse/packet.h"

/* The coarse clock costs a few ns where bpf_ktime_get_ns costs 35; a tick (1 to 10 ms) is fine enough for timeouts. */
static __always_inline __u64 now_ns(void)
{
    return bpf_ktime_get_coarse_ns();
}

/* False: left by an earlier pod of the same slot. */
static __always_inline int flow_of_this_pod(const struct catflap_flow *flow,
                                            const struct catflap_endpoint_config *endpoint)
{
    return catflap_flow_of_this_pod(flow, endpoint->first_generation);
}

/* False: something that its verdict depends on has changed since it was judged. */
static __always_inline int flow_current(const struct catflap_flow *flow, const struct catflap_endpoint_config *endpoint)
{
    return catflap_flow_current(flow, endpoint->generation, catflap_keep);
}

/*
 * What counts the flow's packets. Of another generation its rule may be gone, and its number another's: what was not
 * judged again (the node's own packets, and all with --established=keep) counts by endpoint only.
 */
static __always_inline __u32 counted_rule(const struct catflap_flow *flow,
                                          const struct catflap_endpoint_config *endpoint)
{
    return flow->generation == endpoint->generation ? flow->rule : CATFLAP_RULE_NONE;
}

/* The flow as the pod sees it, whichever way the packet goes. */
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
 * A SYN or an echo request asks for a new connection, whatever the cache remembers of its ports: it is judged anew, in
 * its own direction. The exception is a simultaneous open (RFC 9293, 3.5): the answer to our SYN is a SYN.
 */
static __always_inline int is_new_connection(const struct packet *p, const struct catflap_flow *flow,
                                             enum catflap_direction direction)
{
    if (!opens_connection(p))
        return 0;
    if (p->echo_request)
        return flow->opener != direction; /* a reply's flow admits no requests from the other side */
    return !(flow->state == CATFLAP_FLOW_OPENING && !is_opener(flow, direction));
}

/*
 * Masquerading lends one address and port to one sender after another, and nf_conntrack may forget a UDP exchange
 * before we do. A TCP connection begins with a SYN, which is judged; of other protocols, what came in by another
 * interface than the flow's opener did is somebody else's. ifindex: 0 for the node itself.
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

/*
 * Follows the packet. Stores only what changed: a busy flow's cache line stays shared between the CPUs. Two CPUs that
 * race here can lose a state change, which makes the entry live longer or shorter, and nothing else. A change of state,
 * which is rare, is written where the flow is now: judging took a while, and the map uses evicted elements again at
 * once.
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
    if (state != flow->state) {
        struct catflap_flow *there = bpf_map_lookup_elem(&flows, key);

        if (there)
            there->state = state;
    }
    if ((__s64)(now - flow->last_seen_ns) > (__s64)CATFLAP_SECOND_NS)
        flow->last_seen_ns = now;
}

#endif
