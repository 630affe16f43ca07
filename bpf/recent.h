/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the front of the flow cache: the connections that this CPU saw a moment ago, in a direct-mapped
 * array. A packet in the middle of one of them passes without the lookup in `flows`, which costs more than all the rest
 * of its way.
 *
 * What stands here is a copy, and may be RECENT_JIFFIES old: another CPU may have seen the connection's end meanwhile.
 * No verdict hangs on that. The entry was written for an allowed flow of the endpoint's generation, which is compared
 * with every packet, so a change of policy, labels or pod takes effect with the next one; and what asks for a
 * connection, or ends one, always goes the whole way.
 */
#ifndef CATFLAP_RECENT_H
#define CATFLAP_RECENT_H

#include "account.h"
#include "flow.h"
#include "maps.h"

/*
 * 25 ms where a tick is 1 ms, 250 ms where it is 10. The entry in `flows` is not touched meanwhile, so this is also how
 * much older than it is a busy flow may look to the eviction.
 */
#define RECENT_JIFFIES 25

/* Whoever makes others' flows fall into one place slows them down to what they cost without this file. */
static __always_inline struct catflap_recent_flow *recent_place(const struct catflap_flow_key *key)
{
    const __u64 high = (__u64)key->remote.word_be[0] << 32 | key->remote.word_be[1];
    const __u64 low = (__u64)key->remote.word_be[2] << 32 | key->remote.word_be[3];
    const __u64 rest = (__u64)key->slot_protocol << 32 | (__u32)key->local_port << 16 | key->remote_port;
    const __u64 mixed = (high * 0x9e3779b97f4a7c15ULL ^ low) * 0xc2b2ae3d27d4eb4fULL ^ rest * 0x165667b19e3779f9ULL;
    __u32 index = (__u32)((mixed ^ mixed >> 29) * 0x9e3779b97f4a7c15ULL >> 32) & (CATFLAP_RECENT_FLOWS - 1);

    return bpf_map_lookup_elem(&recent_flows, &index);
}

static __always_inline int same_flow(const struct catflap_flow_key *a, const struct catflap_flow_key *b)
{
    return same_address(&a->remote, &b->remote) && a->local_port == b->local_port && a->remote_port == b->remote_port &&
           a->slot_protocol == b->slot_protocol;
}

/* The packet changes nothing of what is remembered of an established flow. */
static __always_inline int is_middle(const struct packet *p)
{
    return p->kind == PACKET_ORDINARY && p->fragment == FRAGMENT_NONE && !p->echo_request &&
           !(p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST));
}

static __always_inline int is_recent(const struct catflap_recent_flow *recent, const struct catflap_flow_key *key,
                                     const struct catflap_endpoint_config *endpoint)
{
    return recent->generation == endpoint->generation && bpf_jiffies64() - recent->seen_jiffies < RECENT_JIFFIES &&
           same_flow(&recent->key, key);
}

/* See is_anothers(). */
static __always_inline int is_recent_sender(const struct catflap_recent_flow *recent, __u32 ifindex)
{
    return !recent->sender_ifindex || recent->sender_ifindex == ifindex;
}

/* After the whole way: the flow as it is now. */
static __always_inline void remember_recent(struct catflap_recent_flow *recent, const struct catflap_flow_key *key,
                                            const struct catflap_flow *flow,
                                            const struct catflap_endpoint_config *endpoint)
{
    /* Of the node's own connections to the pod, only TCP's: is_anothers() must see the rest. */
    if (flow->state != CATFLAP_FLOW_ESTABLISHED ||
        (flow->opener == CATFLAP_OPENER_HOST && (__u8)key->slot_protocol != IPPROTO_TCP)) {
        if (same_flow(&recent->key, key))
            recent->seen_jiffies -= RECENT_JIFFIES;
        return;
    }
    recent->key = *key;
    recent->generation = endpoint->generation;
    recent->rule = flow->rule;
    recent->sender_ifindex =
        (__u8)key->slot_protocol != IPPROTO_TCP && flow->opener == CATFLAP_OPENER_TO_POD ? flow->sender_ifindex : 0;
    recent->seen_jiffies = bpf_jiffies64();
}

#endif
