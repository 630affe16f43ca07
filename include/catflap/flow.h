/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause OR Apache-2.0 */
/* Questions about an entry of the flow cache that the datapath and the reports must answer alike. */
#ifndef CATFLAP_SHARED_FLOW_H
#define CATFLAP_SHARED_FLOW_H

#include <catflap/abi.h>

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
