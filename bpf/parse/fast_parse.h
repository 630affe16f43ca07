/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parser of the fast path: TCP or UDP in an IP packet without options, extension headers or fragmentation, so that
 * everything is at a fixed offset. It never refuses a packet: whatever is different, or wrong, is left to parse.h.
 */
#ifndef CATFLAP_FAST_PARSE_H
#define CATFLAP_FAST_PARSE_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "../context.h"
#include "packet.h"

#define IPV4_WITHOUT_OPTIONS 0x45 /* version and header length, the first byte */
#define IPV4_IS_FRAGMENT 0x3fff   /* more fragments, or an offset */

struct fast_packet {
    struct catflap_address remote;
    struct catflap_address local; /* the pod's end, unchecked: the caller compares it with the entry */
    __u16 local_port;
    __u16 remote_port;
    __u8 protocol;
};

/* False: too short, another protocol, or it opens or ends a connection. */
static __always_inline int fast_parse_transport(const struct context *c, struct fast_packet *p, __u32 l4_offset)
{
    const __u8 *data_end = (const __u8 *)(long)c->skb->data_end;
    const __u8 *l4 = (const __u8 *)(long)c->skb->data + l4_offset;
    __u16 source_port, destination_port;

    if (c->bytes > c->skb->len - ETH_HLEN)
        return 0;
    if (p->protocol == IPPROTO_TCP) {
        if (c->bytes < l4_offset - ETH_HLEN + sizeof(struct tcphdr) || l4 + sizeof(struct tcphdr) > data_end ||
            (l4[12] >> 4) < 5 || l4[13] & (TCP_SYN | TCP_FIN | TCP_RST))
            return 0;
    } else if (p->protocol != IPPROTO_UDP || c->bytes < l4_offset - ETH_HLEN + 8 || l4 + 8 > data_end) {
        return 0;
    }
    source_port = bpf_ntohs(*(const __be16 *)l4);
    destination_port = bpf_ntohs(*(const __be16 *)(l4 + 2));
    p->local_port = c->direction == CATFLAP_FROM_POD ? source_port : destination_port;
    p->remote_port = c->direction == CATFLAP_FROM_POD ? destination_port : source_port;
    return 1;
}

static __always_inline int fast_parse_ipv4(struct context *c, struct fast_packet *p)
{
    const struct iphdr *ip = (const struct iphdr *)((const __u8 *)(long)c->skb->data + ETH_HLEN);

    if ((const __u8 *)(ip + 1) > (const __u8 *)(long)c->skb->data_end || *(const __u8 *)ip != IPV4_WITHOUT_OPTIONS ||
        ip->frag_off & bpf_htons(IPV4_IS_FRAGMENT))
        return 0;
    set_ipv4(&p->remote, c->direction == CATFLAP_FROM_POD ? ip->daddr : ip->saddr);
    set_ipv4(&p->local, c->direction == CATFLAP_FROM_POD ? ip->saddr : ip->daddr);
    p->protocol = ip->protocol;
    c->bytes = bpf_ntohs(ip->tot_len);
    return fast_parse_transport(c, p, ETH_HLEN + sizeof(*ip));
}

static __always_inline int fast_parse_ipv6(struct context *c, struct fast_packet *p)
{
    const struct ipv6hdr *ip6 = (const struct ipv6hdr *)((const __u8 *)(long)c->skb->data + ETH_HLEN);

    if ((const __u8 *)(ip6 + 1) > (const __u8 *)(long)c->skb->data_end || ip6->version != 6 || !ip6->payload_len)
        return 0;
    __builtin_memcpy(&p->remote, c->direction == CATFLAP_FROM_POD ? &ip6->daddr : &ip6->saddr, sizeof(p->remote));
    __builtin_memcpy(&p->local, c->direction == CATFLAP_FROM_POD ? &ip6->saddr : &ip6->daddr, sizeof(p->local));
    if (is_ipv4_mapped(&p->remote) || is_ipv4_mapped(&p->local))
        return 0;
    p->protocol = ip6->nexthdr;
    c->bytes = sizeof(*ip6) + bpf_ntohs(ip6->payload_len);
    return fast_parse_transport(c, p, ETH_HLEN + sizeof(*ip6));
}

/* In network order; 0: a packet for the full parser. */
static __always_inline __be16 fast_ethertype(struct __sk_buff *skb)
{
    const struct ethhdr *eth = (const struct ethhdr *)(long)skb->data;

    return (const __u8 *)(eth + 1) > (const __u8 *)(long)skb->data_end || skb->vlan_present ? 0 : eth->h_proto;
}

/* False: a packet for the full parser. Sets c->bytes. */
static __always_inline int fast_parse(struct context *c, struct fast_packet *p)
{
    const __be16 ethertype = fast_ethertype(c->skb);

    if (ethertype == bpf_htons(ETH_P_IP))
        return fast_parse_ipv4(c, p);
    return ethertype == bpf_htons(ETH_P_IPV6) && fast_parse_ipv6(c, p);
}

#endif
