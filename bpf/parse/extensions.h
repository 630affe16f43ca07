/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file contains the parsers of IPv4 options and IPv6 extension headers. */
#ifndef CATFLAP_EXTENSIONS_H
#define CATFLAP_EXTENSIONS_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>

#include "packet.h"

#define MAX_EXTENSION_HEADERS 8
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_MORE_FRAGMENTS 0x0001
#define IPV4_OPTION_LSRR 131
#define IPV4_OPTION_SSRR 137

/* A later fragment that would overwrite the transport header (RFC 1858, RFC 3128). */
static __always_inline int overlaps_header(const struct packet *p)
{
    return p->fragment_border < transport_bytes(p->protocol);
}

/*
 * A source route hides the true destination (RFC 7126, 4.3 and 4.4), and an option with a wrong length could hide a
 * source route. option_bytes: at most 40.
 */
GLOBAL_FUNCTION int has_bad_options(struct __sk_buff *skb, __u32 option_bytes)
{
    __u32 offset = 0;

    for (int i = 0; i < 40 && offset < option_bytes; i++) {
        __u8 option[2] = {};
        const __u32 left = option_bytes - offset;

        /* The last byte may be an option without a length byte. */
        if (bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(struct iphdr) + offset, option, left > 1 ? 2 : 1))
            return 1;
        if (option[0] == 0) /* end of options */
            return 0;
        if (option[0] == 1) {
            offset++;
            continue;
        }
        if (option[0] == IPV4_OPTION_LSRR || option[0] == IPV4_OPTION_SSRR || option[1] < 2 || option[1] > left)
            return 1;
        offset += option[1];
    }
    return 0;
}

/*
 * Parses the extension headers (RFC 8200, 4) from offset on. Sets the protocol and the fragment fields (in a first
 * fragment, fragment_border is where its data begin in the frame). Returns the offset of the transport header, or a
 * negated reason. A routing header with segments left hides the true destination and is refused.
 */
GLOBAL_FUNCTION int walk_extensions(struct __sk_buff *skb, struct packet *p, __u32 offset)
{
    __u8 next;

    if (!p)
        return -CATFLAP_REASON_STATE;
    next = p->protocol;
    for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) {
        __u8 header[8];

        if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_FRAGMENT && next != IPPROTO_AH &&
            next != IPPROTO_DSTOPTS) {
            p->protocol = next;
            return (int)offset;
        }
        if (bpf_skb_load_bytes(skb, offset, header, sizeof(header)))
            return -CATFLAP_REASON_TRUNCATED;
        if (next == IPPROTO_ROUTING && header[3])
            return -CATFLAP_REASON_EXTENSION_HEADERS;
        if (next == IPPROTO_FRAGMENT) {
            const __u16 field = (__u16)(header[2] << 8 | header[3]);

            __builtin_memcpy(&p->fragment_id_be, header + 4, sizeof(p->fragment_id_be));
            p->fragment_border = field & IPV6_FRAGMENT_OFFSET;
            if (p->fragment_border) {
                p->fragment = FRAGMENT_LATER;
                p->protocol = header[0];
                return overlaps_header(p) ? -CATFLAP_REASON_FRAGMENT_OVERLAP : (int)(offset + 8);
            }
            offset += 8;
            if (field & IPV6_MORE_FRAGMENTS) {
                p->fragment = FRAGMENT_FIRST;
                p->fragment_border = offset;
            }
        } else if (next == IPPROTO_AH) {
            offset += (header[1] + 2) * 4;
        } else {
            offset += (header[1] + 1) * 8;
        }
        next = header[0];
    }
    return -CATFLAP_REASON_EXTENSION_HEADERS;
}

static __always_inline int has_extensions(__u8 next_header)
{
    return next_header == IPPROTO_HOPOPTS || next_header == IPPROTO_ROUTING || next_header == IPPROTO_FRAGMENT ||
           next_header == IPPROTO_AH || next_header == IPPROTO_DSTOPTS;
}

#endif
