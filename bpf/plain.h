/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the short parser: nearly every packet on a wire is TCP or UDP in an IP packet without options,
 * extensions or fragments, and its flow's key stands at fixed places. Whatever is not quite so, or not quite right, is
 * left to parse.h, which has the last word on it.
 */
#ifndef CATFLAP_PLAIN_H
#define CATFLAP_PLAIN_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "account.h"
#include "flow.h"
#include "packet.h"

#define IPV4_WITHOUT_OPTIONS 0x45 /* version and header length, the first byte */
#define IPV4_IS_FRAGMENT 0x3fff   /* more fragments, or an offset */

/* Sets the ports. No: too short, another protocol, or it opens or ends a connection. */
static __always_inline int parse_plain_transport(const struct context *c, struct catflap_flow_key *key, __u8 protocol,
                                                 __u32 l4_offset)
{
    const __u8 *data_end = (const __u8 *)(long)c->skb->data_end;
    const __u8 *l4 = (const __u8 *)(long)c->skb->data + l4_offset;
    const __u32 header_bytes = transport_bytes(protocol);
    __u16 source_port, destination_port;

    if (c->bytes > c->skb->len - ETH_HLEN || c->bytes < l4_offset - ETH_HLEN + header_bytes)
        return 0;
    if (protocol == IPPROTO_TCP) {
        if (l4 + sizeof(struct tcphdr) > data_end || (l4[12] >> 4) < 5 || l4[13] & (TCP_SYN | TCP_FIN | TCP_RST))
            return 0;
    } else if (protocol != IPPROTO_UDP || l4 + 8 > data_end) {
        return 0;
    }
    source_port = bpf_ntohs(*(const __be16 *)l4);
    destination_port = bpf_ntohs(*(const __be16 *)(l4 + 2));
    key->local_port = c->direction == CATFLAP_FROM_POD ? source_port : destination_port;
    key->remote_port = c->direction == CATFLAP_FROM_POD ? destination_port : source_port;
    key->slot_protocol = c->endpoint->slot << 8 | protocol;
    return 1;
}

/* What check_sender() asks of an address; a pod that has none of this family has all zeros. */
static __always_inline int is_of_sender(const struct context *c, const struct catflap_address *source, int ipv6)
{
    const struct catflap_address unspecified = {};

    return c->direction == CATFLAP_TO_POD ||
           (same_address(source, &c->endpoint->address[ipv6]) && !same_address(source, &unspecified));
}

static __always_inline int parse_plain_ipv4(struct context *c, struct catflap_flow_key *key)
{
    const struct iphdr *ip = (const struct iphdr *)((const __u8 *)(long)c->skb->data + ETH_HLEN);
    struct catflap_address source;

    if ((const __u8 *)(ip + 1) > (const __u8 *)(long)c->skb->data_end || *(const __u8 *)ip != IPV4_WITHOUT_OPTIONS ||
        ip->frag_off & bpf_htons(IPV4_IS_FRAGMENT))
        return 0;
    set_ipv4(&source, ip->saddr);
    if (!is_of_sender(c, &source, 0))
        return 0;
    set_ipv4(&key->remote, c->direction == CATFLAP_FROM_POD ? ip->daddr : ip->saddr);
    c->bytes = bpf_ntohs(ip->tot_len);
    return parse_plain_transport(c, key, ip->protocol, ETH_HLEN + sizeof(*ip));
}

static __always_inline int parse_plain_ipv6(struct context *c, struct catflap_flow_key *key)
{
    const struct ipv6hdr *ip6 = (const struct ipv6hdr *)((const __u8 *)(long)c->skb->data + ETH_HLEN);
    struct catflap_address source, destination;

    if ((const __u8 *)(ip6 + 1) > (const __u8 *)(long)c->skb->data_end || ip6->version != 6 || !ip6->payload_len)
        return 0;
    __builtin_memcpy(&source, &ip6->saddr, sizeof(source));
    __builtin_memcpy(&destination, &ip6->daddr, sizeof(destination));
    if (is_ipv4_mapped(&source) || is_ipv4_mapped(&destination) || !is_of_sender(c, &source, 1))
        return 0;
    key->remote = c->direction == CATFLAP_FROM_POD ? destination : source;
    c->bytes = sizeof(*ip6) + bpf_ntohs(ip6->payload_len);
    return parse_plain_transport(c, key, ip6->nexthdr, ETH_HLEN + sizeof(*ip6));
}

/* Whether the packet is a plain one, of the pod's where it comes from it; *key is then its flow's. Sets c->bytes. */
static __always_inline int parse_plain(struct context *c, struct catflap_flow_key *key)
{
    const struct ethhdr *eth = (const struct ethhdr *)(long)c->skb->data;

    if ((const __u8 *)(eth + 1) > (const __u8 *)(long)c->skb->data_end || c->skb->vlan_present)
        return 0;
    if (eth->h_proto == bpf_htons(ETH_P_IP))
        return parse_plain_ipv4(c, key);
    return eth->h_proto == bpf_htons(ETH_P_IPV6) && parse_plain_ipv6(c, key);
}

#endif
