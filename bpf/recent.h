/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the short way: the connections that this CPU saw a moment ago, in a direct-mapped array, and the
 * packets that pass by them. A plain packet in the middle of such a connection needs neither the parser nor the lookup
 * in `flows`, which cost more than all the rest of its way.
 *
 * What stands here is a copy, and may be RECENT_JIFFIES old: another CPU may have seen the connection's end meanwhile.
 * No verdict hangs on that. A copy is written after the whole way only, of an allowed flow of the endpoint's generation,
 * which is compared with every packet: a change of policy, labels or pod takes effect with the next one. What the
 * whole way asks of every packet anew is asked here too, or there is no copy of such a flow: see may_be_remembered().
 */
#ifndef CATFLAP_RECENT_H
#define CATFLAP_RECENT_H

#include "account.h"
#include "flow.h"
#include "maps.h"
#include "plain.h"

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

/* Whether the packet passes by a copy; *rule then counts it. Sets c->bytes. No: nothing is known of the packet. */
static __always_inline int passes_by_copy(struct context *c, __u32 *rule)
{
    struct catflap_flow_key key = {};
    const struct catflap_recent_flow *recent;

    if (!parse_plain(c, &key))
        return 0;
    recent = recent_place(&key);
    if (!recent || recent->generation != c->endpoint->generation ||
        bpf_jiffies64() - recent->seen_jiffies >= RECENT_JIFFIES || !same_flow(&recent->key, &key))
        return 0;
    /* See is_anothers(). */
    if (c->direction == CATFLAP_TO_POD && recent->sender_ifindex && recent->sender_ifindex != c->skb->ingress_ifindex)
        return 0;
    *rule = recent->rule;
    return 1;
}

/*
 * Not what is open to question with every packet: whether it is stale, what encapsulates (check_sender), and, of the
 * node's own connections, all but TCP's (is_anothers).
 */
static __always_inline int may_be_remembered(const struct catflap_flow_key *key, const struct catflap_flow *flow,
                                             const struct catflap_endpoint_config *endpoint)
{
    const __u8 protocol = (__u8)key->slot_protocol;

    if (flow->state != CATFLAP_FLOW_ESTABLISHED || !flow_current(flow, endpoint))
        return 0;
    if (protocol == IPPROTO_TCP)
        return 1;
    return protocol == IPPROTO_UDP && flow->opener != CATFLAP_OPENER_HOST && !is_tunnel_port(key->remote_port);
}

/* After the whole way of an ordinary packet: the flow as it is now. */
static __always_inline void remember_recent(const struct catflap_flow_key *key, const struct catflap_flow *flow,
                                            const struct catflap_endpoint_config *endpoint)
{
    struct catflap_recent_flow *recent = recent_place(key);

    if (!recent)
        return;
    if (!may_be_remembered(key, flow, endpoint)) {
        if (same_flow(&recent->key, key))
            recent->generation = 0;
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
