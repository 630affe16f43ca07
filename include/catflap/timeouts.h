/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause OR Apache-2.0 */
/*
 * How long a flow lives without a packet. As nf_conntrack's defaults (Documentation/networking/nf_conntrack-sysctl.rst,
 * 6.18), so that a connection which one of the two forgets does not stay one for the other.
 */
#ifndef CATFLAP_TIMEOUTS_H
#define CATFLAP_TIMEOUTS_H

#include <catflap/abi.h>
#ifdef __cplusplus
#include <netinet/in.h>
#else
#include <linux/in.h>
#include <linux/in6.h>
#endif

static inline __u32 catflap_flow_timeout_s(__u8 state, __u8 protocol)
{
    switch (protocol) {
    case IPPROTO_TCP:
        switch (state) {
        case CATFLAP_FLOW_OPENING:
            return 120;
        case CATFLAP_FLOW_REPLIED:
            return 60;
        case CATFLAP_FLOW_ESTABLISHED:
            return 432000;
        case CATFLAP_FLOW_CLOSING:
            return 120;
        default:
            return 10;
        }
    case IPPROTO_UDP:
        return state == CATFLAP_FLOW_OPENING ? 30 : 120;
    case IPPROTO_SCTP:
        return state == CATFLAP_FLOW_OPENING ? 30 : 210;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return 30;
    default:
        return 600;
    }
}

#endif
