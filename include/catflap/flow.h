/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause OR Apache-2.0 */
/* Facts about flows that the datapath and userspace share: how keys are packed, and whether a flow is still valid. */
#ifndef CATFLAP_SHARED_FLOW_H
#define CATFLAP_SHARED_FLOW_H

#include <catflap/timeouts.h>

#define CATFLAP_SECOND_NS 1000000000ULL

/* The word slot_protocol of the keys of flows and fragments. */
static inline __u32 catflap_slot_protocol(__u32 slot, __u8 protocol)
{
    return slot << 8 | protocol;
}

static inline __u32 catflap_slot_of(__u32 slot_protocol)
{
    return slot_protocol >> 8;
}

static inline __u8 catflap_protocol_of(__u32 slot_protocol)
{
    return (__u8)slot_protocol;
}

/* now_ns: of the clock of last_seen_ns. */
static inline int catflap_flow_expired(const struct catflap_flow *flow, __u8 protocol, __u64 now_ns)
{
    return (__s64)(now_ns - flow->last_seen_ns) >
           (__s64)(catflap_flow_timeout_s(flow->state, protocol) * CATFLAP_SECOND_NS);
}

/* False: left by an earlier pod of the same slot. */
static inline int catflap_flow_of_this_pod(const struct catflap_flow *flow, __u32 first_generation)
{
    return (__s32)(flow->generation - first_generation) >= 0;
}

/*
 * False: something that its verdict depends on has changed since it was judged. keep: --established=keep, in which only
 * a flow that one side alone has spoken in is judged again.
 */
static inline int catflap_flow_current(const struct catflap_flow *flow, __u32 generation, int keep)
{
    return flow->opener == CATFLAP_OPENER_HOST || flow->generation == generation ||
           (keep && flow->state != CATFLAP_FLOW_OPENING);
}

#endif
