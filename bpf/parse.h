/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the parser: frame -> struct packet. Whatever it cannot follow to the end is a drop with a
 * reason; it never guesses. The usual packet is read by direct access; extension headers and quoted packets, which
 * are rare, by bpf_skb_load_bytes.
 */
#ifndef CATFLAP_PARSE_H
#define CATFLAP_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/icmpv6.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "packet.h"

#define MAX_EXTENSION_HEADERS 8
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_MORE_FRAGMENTS 0x0001
#define PORT_VXLAN 4789
#define ND_ROUTER_ADVERT 134
#define ND_REDIRECT 137
#define IPV4_OPTION_LSRR 131
#define IPV4_OPTION_SSRR 137

/* RFC 792; <linux/icmp.h> would pull in the C library's headers, which do not know this target. */
#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

/* The bytes that hold the ports and all else that decides, per protocol. */
static __always_inline __u32 transport_bytes(__u8 protocol)
{
    switch (protocol) {
    case IPPROTO_TCP:
        return sizeof(struct tcphdr);
    case IPPROTO_UDP:
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return 8;
    case IPPROTO_SCTP:
        return 12;
    default:
        return 0;
    }
}

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
 * What keeps the link itself alive (RFC 4861, 2710, 3810), and cannot leave it: to or from link-local addresses, in
 * both directions, or the packet is judged like any other. Hop limit 255 proves that no router forwarded a neighbour
 * discovery packet; listener reports carry 1. Router advertisements and redirects are the node's to send, not a pod's.
 */
static __always_inline int is_link_maintenance(const struct __sk_buff *skb, const struct packet *p, __u8 icmp6_type,
                                               __u8 hop_limit)
{
    const int to_link_local = (p->destination.word_be[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000) ||
                              (p->destination.word_be[0] & bpf_htonl(0xff0f0000)) == bpf_htonl(0xff020000);
    const int discovery = icmp6_type >= 133 && icmp6_type <= 137;
    const int listener = (icmp6_type >= 130 && icmp6_type <= 132) || icmp6_type == 143;

    if (!(discovery && hop_limit == 255) && !(listener && hop_limit == 1))
        return 0;
    if (p->from_pod)
        return to_link_local && icmp6_type != ND_ROUTER_ADVERT && icmp6_type != ND_REDIRECT;
    return skb->ingress_ifindex == 0;
}

/*
 * Makes the first `bytes` of the frame readable by direct access. They nearly always are; a pull unshares the buffer,
 * which TCP still holds for retransmission, so it is never done for more than is read.
 */
static __always_inline int make_linear(struct __sk_buff *skb, __u32 bytes)
{
    if (skb->data_end - skb->data >= bytes)
        return 0;
    return skb->len < bytes || bpf_skb_pull_data(skb, bytes);
}

/* The packet inside an ICMP error: at least its addresses and the first 8 bytes behind them (RFC 792, RFC 4443). */
static __noinline int parse_quoted(struct __sk_buff *skb, struct packet *p, __u32 offset)
{
    struct transport quoted = {};
    __u32 transport_offset;

    if (p->ipv6) {
        struct ipv6hdr ip6;

        if (bpf_skb_load_bytes(skb, offset, &ip6, sizeof(ip6)))
            return CATFLAP_REASON_TRUNCATED;
        __builtin_memcpy(&p->quoted_source, &ip6.daddr, sizeof(ip6.daddr));
        __builtin_memcpy(&p->quoted_destination, &ip6.saddr, sizeof(ip6.saddr));
        if (is_ipv4_mapped(&p->quoted_source) || is_ipv4_mapped(&p->quoted_destination))
            return CATFLAP_REASON_MALFORMED;
        p->quoted_protocol = ip6.nexthdr;
        transport_offset = offset + sizeof(ip6);
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
        if (is_icmp_echo(p->ipv6, icmp[0]))
            quoted.source_port = quoted.destination_port = (__u16)(icmp[4] << 8 | icmp[5]);
    } else if (transport_bytes(p->quoted_protocol)) {
        __u16 ports_be[2];

        if (bpf_skb_load_bytes(skb, transport_offset, ports_be, sizeof(ports_be)))
            return CATFLAP_REASON_TRUNCATED;
        quoted.source_port = bpf_ntohs(ports_be[1]);
        quoted.destination_port = bpf_ntohs(ports_be[0]);
    }
    /*
     * An error goes to whoever sent what it quotes. Were that not checked, a pod could send anything to anybody, in an
     * ICMP error that quotes a packet of a connection which it may have.
     */
    if (!same_address(&p->destination, &p->quoted_destination))
        return CATFLAP_REASON_MALFORMED;
    p->ports = quoted;
    p->kind = PACKET_ICMP_ERROR;
    return CATFLAP_REASON_NONE;
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
    if (p->ipv6 && is_link_maintenance(skb, p, l4[0], hop_limit)) {
        p->kind = PACKET_LINK;
    } else if (is_icmp_error(p, l4[0])) {
        return parse_quoted(skb, p, l4_offset + 8);
    } else if (is_icmp_echo(p->ipv6, l4[0])) {
        p->echo_request = l4[0] == (p->ipv6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO);
        p->ports.source_port = p->ports.destination_port = (__u16)(l4[4] << 8 | l4[5]);
    }
    return CATFLAP_REASON_NONE;
}

/* A later fragment that would overwrite the header that was judged (RFC 1858, RFC 3128). */
static __always_inline int overlaps_header(const struct packet *p, __u32 fragment_offset_bytes)
{
    return fragment_offset_bytes < transport_bytes(p->protocol);
}

/* A source route hides the true destination (RFC 7126, 4.3 and 4.4). option_bytes: at most 40. */
static __noinline int has_source_route(struct __sk_buff *skb, __u32 option_bytes)
{
    __u32 offset = 0;

    for (int i = 0; i < 40 && offset < option_bytes; i++) {
        __u8 option[2];

        if (bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(struct iphdr) + offset, option, sizeof(option)))
            return 1;
        if (option[0] == IPV4_OPTION_LSRR || option[0] == IPV4_OPTION_SSRR)
            return 1;
        if (option[0] == 0) /* end of options */
            return 0;
        offset += option[0] == 1 ? 1 : option[1] > 1 ? option[1] : 40;
    }
    return 0;
}

static __always_inline int parse_ipv4(struct __sk_buff *skb, struct packet *p)
{
    const struct iphdr *ip;
    __u32 header_bytes;
    __u16 fragment;

    if (make_linear(skb, ETH_HLEN + sizeof(*ip)))
        return CATFLAP_REASON_TRUNCATED;
    ip = (const struct iphdr *)((const __u8 *)(long)skb->data + ETH_HLEN);
    if ((const __u8 *)(ip + 1) > (const __u8 *)(long)skb->data_end)
        return CATFLAP_REASON_TRUNCATED;
    header_bytes = ip->ihl * 4;
    /* BIG TCP leaves the length 0 where 16 bits cannot hold it (kernel 6.3; IPv6: 5.19). */
    p->ip_bytes = ip->tot_len || !skb->gso_size ? bpf_ntohs(ip->tot_len) : skb->len - ETH_HLEN;
    if (ip->version != 4 || header_bytes < sizeof(*ip) || p->ip_bytes < header_bytes)
        return CATFLAP_REASON_MALFORMED;
    if (p->ip_bytes > skb->len - ETH_HLEN)
        return CATFLAP_REASON_TRUNCATED;
    set_ipv4(&p->source, ip->saddr);
    set_ipv4(&p->destination, ip->daddr);
    p->protocol = ip->protocol;
    fragment = bpf_ntohs(ip->frag_off);
    if (fragment & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET)) {
        p->fragment_id_be = ip->id;
        p->fragment = fragment & IPV4_FRAGMENT_OFFSET ? FRAGMENT_LATER : FRAGMENT_FIRST;
        if (p->fragment == FRAGMENT_LATER)
            return overlaps_header(p, (fragment & IPV4_FRAGMENT_OFFSET) * 8) ? CATFLAP_REASON_FRAGMENT_OVERLAP
                                                                             : CATFLAP_REASON_NONE;
    }
    if (header_bytes > sizeof(*ip) && has_source_route(skb, header_bytes - sizeof(*ip)))
        return CATFLAP_REASON_MALFORMED;
    return parse_transport(skb, p, ETH_HLEN + header_bytes, p->ip_bytes - header_bytes, 0);
}

/*
 * Follows the extension headers (RFC 8200, 4) from offset on. Sets protocol and fragment; returns the offset of the
 * transport header, or a negated reason. A routing header with segments left hides the true destination: refused.
 */
static __noinline int walk_extensions(struct __sk_buff *skb, struct packet *p, __u32 offset)
{
    __u8 next = p->protocol;

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
            const __u32 fragment_offset_bytes = field & IPV6_FRAGMENT_OFFSET;

            __builtin_memcpy(&p->fragment_id_be, header + 4, sizeof(p->fragment_id_be));
            if (fragment_offset_bytes) {
                p->fragment = FRAGMENT_LATER;
                p->protocol = header[0];
                return overlaps_header(p, fragment_offset_bytes) ? -CATFLAP_REASON_FRAGMENT_OVERLAP : (int)offset;
            }
            if (field & IPV6_MORE_FRAGMENTS)
                p->fragment = FRAGMENT_FIRST;
            offset += 8;
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

static __always_inline int parse_ipv6(struct __sk_buff *skb, struct packet *p)
{
    const struct ipv6hdr *ip6;
    __u32 l4_offset = ETH_HLEN + sizeof(*ip6);
    __u8 hop_limit;

    if (make_linear(skb, ETH_HLEN + sizeof(*ip6)))
        return CATFLAP_REASON_TRUNCATED;
    ip6 = (const struct ipv6hdr *)((const __u8 *)(long)skb->data + ETH_HLEN);
    if ((const __u8 *)(ip6 + 1) > (const __u8 *)(long)skb->data_end)
        return CATFLAP_REASON_TRUNCATED;
    p->ip_bytes = ip6->payload_len || !skb->gso_size ? sizeof(*ip6) + bpf_ntohs(ip6->payload_len) : skb->len - ETH_HLEN;
    if (ip6->version != 6)
        return CATFLAP_REASON_MALFORMED;
    if (p->ip_bytes > skb->len - ETH_HLEN)
        return CATFLAP_REASON_TRUNCATED;
    __builtin_memcpy(&p->source, &ip6->saddr, sizeof(ip6->saddr));
    __builtin_memcpy(&p->destination, &ip6->daddr, sizeof(ip6->daddr));
    /* Such an address on the wire would be taken for the IPv4 one (RFC 4942, 2.2). */
    if (is_ipv4_mapped(&p->source) || is_ipv4_mapped(&p->destination))
        return CATFLAP_REASON_MALFORMED;
    p->ipv6 = 1;
    p->protocol = ip6->nexthdr;
    hop_limit = ip6->hop_limit;
    if (has_extensions(p->protocol)) {
        const int offset = walk_extensions(skb, p, l4_offset);

        if (offset < 0)
            return -offset;
        if (p->fragment == FRAGMENT_LATER)
            return CATFLAP_REASON_NONE;
        l4_offset = (__u32)offset;
        if (l4_offset > ETH_HLEN + p->ip_bytes)
            return CATFLAP_REASON_TRUNCATED;
        /* The verifier wants a bound that it can see: eight headers of at most 2,048 bytes are below it. */
        if (l4_offset > 0x7fff)
            return CATFLAP_REASON_EXTENSION_HEADERS;
    }
    return parse_transport(skb, p, l4_offset, ETH_HLEN + p->ip_bytes - l4_offset, hop_limit);
}

/* Returns an enum catflap_reason; NONE: *p is complete. */
static __always_inline int parse(struct __sk_buff *skb, struct packet *p)
{
    const struct ethhdr *eth;

    if (skb->len < ETH_HLEN)
        return CATFLAP_REASON_TRUNCATED;
    eth = (const struct ethhdr *)(long)skb->data;
    if ((const __u8 *)(eth + 1) > (const __u8 *)(long)skb->data_end)
        return CATFLAP_REASON_TRUNCATED;
    p->ip_bytes = skb->len - ETH_HLEN;
    if (skb->vlan_present)
        return CATFLAP_REASON_ETHERTYPE;
    switch (bpf_ntohs(eth->h_proto)) {
    case ETH_P_IP:
        return parse_ipv4(skb, p);
    case ETH_P_IPV6:
        return parse_ipv6(skb, p);
    case ETH_P_ARP:
        p->kind = PACKET_LINK;
        return CATFLAP_REASON_NONE;
    default:
        return CATFLAP_REASON_ETHERTYPE;
    }
}

#endif
