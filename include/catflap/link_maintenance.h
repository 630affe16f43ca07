/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause OR Apache-2.0 */
/* Which ICMPv6 messages are link maintenance: one answer for datapath and guard. Valid C11 (bpf/) and C++20. */
#ifndef CATFLAP_LINK_MAINTENANCE_H
#define CATFLAP_LINK_MAINTENANCE_H

#include <linux/types.h>

static inline int catflap_is_link_message(__u8 icmp6_type, __u8 hop_limit, int from_pod)
{
    switch (icmp6_type) {
#define CATFLAP_LINK_MESSAGE(type, name, hops, pod_may_send)                                                           \
    case type:                                                                                                         \
        return hop_limit == (hops) && (!from_pod || (pod_may_send));
#include <catflap/link_maintenance.def>
#undef CATFLAP_LINK_MESSAGE
    default:
        return 0;
    }
}

#endif
