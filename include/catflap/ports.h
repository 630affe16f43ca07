/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause OR Apache-2.0 */
/* Where a protocol's ports lie in port_pages. Valid C11 (bpf/) and C++20 (userspace/). */
#ifndef CATFLAP_PORTS_H
#define CATFLAP_PORTS_H

#include <catflap/abi.h>
#ifdef __cplusplus
#include <netinet/in.h>
#else
#include <linux/in.h>
#endif

#define CATFLAP_PAGES_PER_PROTOCOL (65536 / CATFLAP_PAGE_U16)
CATFLAP_ASSERT(CATFLAP_PORT_PAGES == 3 * CATFLAP_PAGES_PER_PROTOCOL);

/* The page with the protocol's port 0; the others follow. CATFLAP_PORT_PAGES: a protocol without ports. */
static inline __u32 catflap_first_port_page(__u8 protocol)
{
    switch (protocol) {
    case IPPROTO_TCP:
        return 0;
    case IPPROTO_UDP:
        return CATFLAP_PAGES_PER_PROTOCOL;
    case IPPROTO_SCTP:
        return 2 * CATFLAP_PAGES_PER_PROTOCOL;
    default:
        return CATFLAP_PORT_PAGES;
    }
}

#endif
