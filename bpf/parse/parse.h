/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the parser: frame -> struct packet. It fails closed: a packet that it cannot parse completely is
 * dropped with a reason. Most headers are read by direct access; extension headers and quoted packets, which are rare,
 * by bpf_skb_load_bytes.
 */
#ifndef CATFLAP_PARSE_H
#define CATFLAP_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "extensions.h"
#include "transport.h"

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_FRAGMENT_OFFSET 0x1fff

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
    p->fragment_id_be = ip->id;
    if (header_bytes > sizeof(*ip) && has_bad_options(skb, header_bytes - sizeof(*ip)))
        return CATFLAP_REASON_MALFORMED;
    if (fragment & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET)) {
        p->fragment = fragment & IPV4_FRAGMENT_OFFSET ? FRAGMENT_LATER : FRAGMENT_FIRST;
        p->fragment_border = (fragment & IPV4_FRAGMENT_OFFSET) * 8;
        if (p->fragment == FRAGMENT_LATER)
            return overlaps_header(p) ? CATFLAP_REASON_FRAGMENT_OVERLAP : CATFLAP_REASON_NONE;
        p->fragment_border = transport_bytes(p->protocol);
    }
    return parse_transport(skb, p, ETH_HLEN + header_bytes, p->ip_bytes - header_bytes, 0);
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
    /* On the wire such an address would be taken for the IPv4 one (RFC 4942, 2.2). */
    if (is_ipv4_mapped(&p->source) || is_ipv4_mapped(&p->destination))
        return CATFLAP_REASON_MALFORMED;
    p->ipv6 = 1;
    p->protocol = ip6->nexthdr;
    hop_limit = ip6->hop_limit;
    if (has_extensions(p->protocol)) {
        const int offset = walk_extensions(skb, p, l4_offset);

        if (offset < 0)
            return -offset;
        l4_offset = (__u32)offset;
        if (l4_offset > ETH_HLEN + p->ip_bytes)
            return CATFLAP_REASON_TRUNCATED;
        if (p->fragment == FRAGMENT_LATER)
            return CATFLAP_REASON_NONE;
        /* For the verifier: eight headers of at most 2,048 bytes stay below this bound anyway. */
        if (l4_offset > 0x7fff)
            return CATFLAP_REASON_EXTENSION_HEADERS;
        if (p->fragment == FRAGMENT_FIRST)
            p->fragment_border = l4_offset - p->fragment_border + transport_bytes(p->protocol);
    }
    return parse_transport(skb, p, l4_offset, ETH_HLEN + p->ip_bytes - l4_offset, hop_limit);
}

/* Returns an enum catflap_reason; NONE: *p is complete. */
GLOBAL_FUNCTION int parse(struct __sk_buff *skb, struct packet *p)
{
    const struct ethhdr *eth;

    if (!p)
        return CATFLAP_REASON_STATE;
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
