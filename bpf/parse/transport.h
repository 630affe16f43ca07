/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file contains the parser of transport headers. */
#ifndef CATFLAP_TRANSPORT_H
#define CATFLAP_TRANSPORT_H

#include "icmp.h"

/*
 * Makes the first `bytes` of the frame readable by direct access. They nearly always are. Pulling unshares the buffer,
 * which TCP still holds for retransmission, so no more is pulled than is read.
 */
static __always_inline int make_linear(struct __sk_buff *skb, __u32 bytes)
{
    if (skb->data_end - skb->data >= bytes)
        return 0;
    return skb->len < bytes || bpf_skb_pull_data(skb, bytes);
}

/* l4_offset: from the start of the frame; l4_bytes: what the IP header says there is behind it. */
static __always_inline int parse_transport(struct __sk_buff *skb, struct packet *p, __u32 l4_offset, __u32 l4_bytes,
                                           __u8 hop_limit)
{
    const __u32 wanted = transport_bytes(p->protocol);
    const __u8 *data_end, *l4;

    if (!wanted)
        return CATFLAP_REASON_NONE;
    if (l4_bytes < wanted)
        return p->fragment == FRAGMENT_FIRST ? CATFLAP_REASON_FRAGMENT_OVERLAP : CATFLAP_REASON_TRUNCATED;
    if (make_linear(skb, l4_offset + wanted))
        return CATFLAP_REASON_TRUNCATED;
    data_end = (const __u8 *)(long)skb->data_end;
    l4 = (const __u8 *)(long)skb->data + l4_offset;
    if (p->protocol == IPPROTO_TCP) {
        if (l4 + sizeof(struct tcphdr) > data_end)
            return CATFLAP_REASON_TRUNCATED;
        if ((l4[12] >> 4) < 5)
            return CATFLAP_REASON_MALFORMED;
        p->tcp_flags = l4[13];
    } else if (l4 + 8 > data_end) {
        return CATFLAP_REASON_TRUNCATED;
    }
    if (!is_icmp(p)) {
        if (p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6)
            return CATFLAP_REASON_MALFORMED; /* ICMP of the other family */
        p->ports.source_port = (__u16)(l4[0] << 8 | l4[1]);
        p->ports.destination_port = (__u16)(l4[2] << 8 | l4[3]);
        return CATFLAP_REASON_NONE;
    }
    /* RFC 6980: never in fragments. */
    if (p->ipv6 && p->fragment == FRAGMENT_NONE && is_link_maintenance(skb, p, l4[0], hop_limit)) {
        p->kind = PACKET_LINK;
    } else if (is_icmp_error(p, l4[0])) {
        return parse_quoted(skb, p, l4_offset + 8);
    } else if (is_icmp_echo(p->ipv6, l4[0])) {
        p->echo_request = l4[0] == (p->ipv6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO);
        p->ports.source_port = p->ports.destination_port = (__u16)(l4[4] << 8 | l4[5]);
    }
    return CATFLAP_REASON_NONE;
}

#endif
