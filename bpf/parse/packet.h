/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file contains the parsed packet, and functions on addresses. */
#ifndef CATFLAP_PACKET_H
#define CATFLAP_PACKET_H

#include <catflap/abi.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum packet_kind {
    PACKET_ORDINARY = 0,
    PACKET_LINK,       /* ARP, neighbour discovery, multicast listener reports: not policed */
    PACKET_ICMP_ERROR, /* belongs to the flow of the packet that it quotes */
};

enum fragment_kind {
    FRAGMENT_NONE = 0,
    FRAGMENT_FIRST, /* has the ports */
    FRAGMENT_LATER, /* has none */
};

/* Ports are those of the header in host byte order; ICMP echo: both are the identifier; no ports: both 0. */
struct transport {
    __u16 source_port;
    __u16 destination_port;
};

struct packet {
    struct catflap_address source;
    struct catflap_address destination;
    /* For PACKET_ICMP_ERROR: the quoted packet, with source and destination swapped, as the error travels. */
    struct catflap_address quoted_source;
    struct catflap_address quoted_destination;
    struct transport ports; /* of the quoted packet, for PACKET_ICMP_ERROR */
    __u32 ip_bytes;         /* length by the IP header, headers included */
    __u32 fragment_id_be;
    __u32 fragment_border; /* later fragment: its offset in the datagram; first one: where its headers end */
    __u8 protocol;         /* behind the IPv6 extension headers */
    __u8 quoted_protocol;  /* for PACKET_ICMP_ERROR */
    __u8 kind;             /* enum packet_kind */
    __u8 fragment;         /* enum fragment_kind */
    __u8 tcp_flags;
    __u8 ipv6;
    __u8 from_pod;     /* the hook: which link maintenance passes depends on the direction */
    __u8 echo_request; /* ICMP echo: a request, no reply */
};

/*
 * A global function (kernel 5.6): the verifier checks it once, for any arguments, instead of again on every path to a
 * call. It therefore assumes that a pointer may be NULL, so these functions check theirs. Before 5.12 it knows no
 * pointers but the context, and the loader makes these functions static ones: make_functions_static().
 */
#define GLOBAL_FUNCTION __noinline

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define PORT_VXLAN 4789       /* RFC 7348 */
#define PORT_VXLAN_LINUX 8472 /* the kernel's default, older than the RFC */
#define PORT_GENEVE 6081      /* RFC 8926 */
#define PROTOCOL_GRE 47       /* RFC 2784 */
#define PROTOCOL_ETHERIP 97   /* RFC 3378 */
#define PROTOCOL_MPLS 137     /* RFC 4023 */

static __always_inline int is_tunnel_port(__u16 udp_port)
{
    return udp_port == PORT_VXLAN || udp_port == PORT_VXLAN_LINUX || udp_port == PORT_GENEVE;
}

/* Encapsulation that a node with a matching device would unpack and forward, whoever sent it. */
static __always_inline int is_tunnel(const struct packet *p)
{
    switch (p->protocol) {
    case IPPROTO_IPIP:
    case IPPROTO_IPV6:
    case PROTOCOL_GRE:
    case PROTOCOL_ETHERIP:
    case PROTOCOL_MPLS:
        return 1;
    case IPPROTO_UDP:
        return is_tunnel_port(p->ports.destination_port);
    default:
        return 0;
    }
}

#define MAPPED_PREFIX_BE bpf_htonl(0x0000ffff)

static __always_inline void set_ipv4(struct catflap_address *address, __u32 ipv4_be)
{
    address->word_be[0] = 0;
    address->word_be[1] = 0;
    address->word_be[2] = MAPPED_PREFIX_BE;
    address->word_be[3] = ipv4_be;
}

static __always_inline int same_address(const struct catflap_address *a, const struct catflap_address *b)
{
    return !((a->word_be[0] ^ b->word_be[0]) | (a->word_be[1] ^ b->word_be[1]) | (a->word_be[2] ^ b->word_be[2]) |
             (a->word_be[3] ^ b->word_be[3]));
}

static __always_inline int is_ipv4_mapped(const struct catflap_address *a)
{
    return !(a->word_be[0] | a->word_be[1]) && a->word_be[2] == MAPPED_PREFIX_BE;
}

/* The bytes of the transport header that hold the ports and everything else that the verdict depends on. */
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

#endif
