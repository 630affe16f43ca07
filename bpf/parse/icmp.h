/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file classifies ICMP messages: link maintenance, errors with a quoted packet, echoes. */
#ifndef CATFLAP_ICMP_H
#define CATFLAP_ICMP_H

#include <catflap/link_maintenance.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "extensions.h"
#include "packet.h"

/* RFC 792; <linux/icmp.h> would pull in the C library's headers, which do not know this target. */
#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

static __always_inline int is_icmp(const struct packet *p)
{
    return p->protocol == (p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static __always_inline int is_icmp_error(const struct packet *p, __u8 type)
{
    if (p->ipv6)
        return type >= 1 && type <= 4; /* RFC 4443, 2.1: unreachable, too big, time exceeded, parameter problem */
    return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_TIME_EXCEEDED ||
           type == ICMP_PARAMETERPROB;
}

static __always_inline int is_icmp_echo(int ipv6, __u8 type)
{
    if (ipv6)
        return type == ICMPV6_ECHO_REQUEST || type == ICMPV6_ECHO_REPLY;
    return type == ICMP_ECHO || type == ICMP_ECHOREPLY;
}

/*
 * Link maintenance passes without a verdict, but must not leave the link: what a pod sends goes to a link-local
 * address, and what a pod receives comes from its node. Anything else is judged like any other packet.
 */
static __always_inline int is_link_maintenance(const struct __sk_buff *skb, const struct packet *p, __u8 icmp6_type,
                                               __u8 hop_limit)
{
    const int to_link_local = (p->destination.word_be[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000) ||
                              (p->destination.word_be[0] & bpf_htonl(0xff0f0000)) == bpf_htonl(0xff020000);

    if (!catflap_is_link_message(icmp6_type, hop_limit, p->from_pod))
        return 0;
    return p->from_pod ? to_link_local : skb->ingress_ifindex == 0;
}

/*
 * Skips the extension headers of a quoted packet; one that was too big is often a fragment. Returns the offset of the
 * transport header << 8 | protocol, or a negated reason. A later fragment has no ports: its data are read in their
 * place and match no flow.
 */
GLOBAL_FUNCTION int skip_quoted_extensions(struct __sk_buff *skb, __u8 next, __u32 offset)
{
    for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) {
        __u8 header[2];

        if (!has_extensions(next))
            return (int)(offset << 8 | next);
        if (bpf_skb_load_bytes(skb, offset, header, sizeof(header)))
            return -CATFLAP_REASON_TRUNCATED;
        if (next == IPPROTO_FRAGMENT)
            offset += 8;
        else if (next == IPPROTO_AH)
            offset += (header[1] + 2) * 4;
        else
            offset += (header[1] + 1) * 8;
        next = header[0];
    }
    return -CATFLAP_REASON_EXTENSION_HEADERS;
}

/* The packet inside an ICMP error: its IP header and at least 8 bytes behind it (RFC 792, RFC 4443). */
GLOBAL_FUNCTION int parse_quoted(struct __sk_buff *skb, struct packet *p, __u32 offset)
{
    struct transport quoted = {};
    __u32 transport_offset;
    int found;

    if (!p)
        return CATFLAP_REASON_STATE;
    if (p->ipv6) {
        struct ipv6hdr ip6;

        if (bpf_skb_load_bytes(skb, offset, &ip6, sizeof(ip6)))
            return CATFLAP_REASON_TRUNCATED;
        if (ip6.version != 6)
            return CATFLAP_REASON_MALFORMED;
        __builtin_memcpy(&p->quoted_source, &ip6.daddr, sizeof(ip6.daddr));
        __builtin_memcpy(&p->quoted_destination, &ip6.saddr, sizeof(ip6.saddr));
        if (is_ipv4_mapped(&p->quoted_source) || is_ipv4_mapped(&p->quoted_destination))
            return CATFLAP_REASON_MALFORMED;
        found = skip_quoted_extensions(skb, ip6.nexthdr, offset + sizeof(ip6));
        if (found < 0)
            return -found;
        p->quoted_protocol = (__u8)found;
        transport_offset = (__u32)found >> 8;
    } else {
        struct iphdr ip;

        if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
            return CATFLAP_REASON_TRUNCATED;
        if (ip.version != 4 || ip.ihl < 5)
            return CATFLAP_REASON_MALFORMED;
        set_ipv4(&p->quoted_source, ip.daddr);
        set_ipv4(&p->quoted_destination, ip.saddr);
        p->quoted_protocol = ip.protocol;
        transport_offset = offset + ip.ihl * 4;
    }
    if (p->quoted_protocol == IPPROTO_ICMP || p->quoted_protocol == IPPROTO_ICMPV6) {
        __u8 icmp[8];

        if (bpf_skb_load_bytes(skb, transport_offset, icmp, sizeof(icmp)))
            return CATFLAP_REASON_TRUNCATED;
        transport_offset += sizeof(icmp);
        if (is_icmp_echo(p->ipv6, icmp[0]))
            quoted.source_port = quoted.destination_port = (__u16)(icmp[4] << 8 | icmp[5]);
    } else if (transport_bytes(p->quoted_protocol)) {
        __u16 ports_be[2];

        if (bpf_skb_load_bytes(skb, transport_offset, ports_be, sizeof(ports_be)))
            return CATFLAP_REASON_TRUNCATED;
        transport_offset += sizeof(ports_be);
        quoted.source_port = bpf_ntohs(ports_be[1]);
        quoted.destination_port = bpf_ntohs(ports_be[0]);
    }
    /* Bytes behind the length in the IP header do not belong to the packet. */
    if (transport_offset > ETH_HLEN + p->ip_bytes)
        return CATFLAP_REASON_TRUNCATED;
    /*
     * An error goes to the sender of the packet that it quotes. Without this check a pod could send any data to any
     * address, in an ICMP error that quotes a packet of an allowed connection.
     */
    if (!same_address(&p->destination, &p->quoted_destination))
        return CATFLAP_REASON_MALFORMED;
    p->ports = quoted;
    p->kind = PACKET_ICMP_ERROR;
    return CATFLAP_REASON_NONE;
}

#endif
