/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file asks nf_conntrack who opened a connection and which ends it has before address translation. The LRU map
 * `flows` evicts; without this lookup a reply whose flow is gone would be judged as if its sender had opened the
 * connection. The answer is no verdict: the current policies of the opening direction decide.
 *
 * bpf_skb_ct_lookup: kernel 5.18, net/netfilter/nf_conntrack_bpf.c; TCP and UDP only. The loader clears
 * catflap_conntrack where the kernel does not have it. A lookup costs about 130 ns and is not rate limited: otherwise
 * whoever sends enough packets could choose the verdict on the next one.
 */
#ifndef CATFLAP_CONNTRACK_H
#define CATFLAP_CONNTRACK_H

#include <bpf/bpf_core_read.h>

#include "maps.h"
#include "nf_conn.h"
#include "parse/packet.h"

/*
 * A packet of a pod went by untracked (raw table, NOTRACK): from now on nf_conntrack is not trusted to know everybody's
 * connections, and all have flows.
 */
__u32 catflap_untracked = 0;

static __always_inline int saw_untracked(void)
{
    return *(const volatile __u32 *)&catflap_untracked != 0;
}

/*
 * TCP that nf_conntrack came across in the middle (nf_conntrack_tcp_loose: its entry was lost, or never made). It takes
 * the side that sent next for the opener. A pod that may send would so readmit a client whose access was revoked, since
 * the client can make nf_conntrack lose the entry: by a RST, which is dropped, but was seen. So nobody is the opener.
 * tcp_new(), net/netfilter/nf_conntrack_proto_tcp.c, sets these flags. So do flowtables and Open vSwitch, but theirs
 * have seen a handshake, which nearly always has window scaling (RFC 7323).
 */
static __always_inline int flags_of_picked_up(__u8 original, __u8 reply)
{
    return original & reply & CT_TCP_FLAG_LIBERAL && !((original | reply) & CT_TCP_FLAG_WINDOW_SCALE);
}

/* A connection as the policies of its opening direction have to see it. */
struct connection {
    struct catflap_address far; /* the other end before address translation (Services, masquerading) */
    __u16 far_port;
    __u8 opener;    /* enum catflap_opener */
    __u8 known;     /* nf_conntrack knows the connection and has set `opener` */
    __u8 far_known; /* `far` and `far_port` are set, too */
    __u8 syn_only;  /* TCP: nobody has sent anything but a SYN yet */
    __u8 picked_up; /* TCP: nf_conntrack has seen no beginning, so who opened it is not known */
    __u8 pad;
    __u32 sender_ifindex; /* see struct catflap_flow */
    __u32 cell;           /* set by judge_opened() */
};

/* end: the source of one direction's tuple. */
static __always_inline void read_far(struct connection *found, const struct nf_conntrack_man *end, __u8 ipv6)
{
    if (ipv6) {
        found->far.word_be[0] = end->u3.all[0];
        found->far.word_be[1] = end->u3.all[1];
        found->far.word_be[2] = end->u3.all[2];
        found->far.word_be[3] = end->u3.all[3];
    } else {
        set_ipv4(&found->far, end->u3.all[0]);
    }
    found->far_port = bpf_ntohs(end->u.all);
    found->far_known = 1;
}

/*
 * The tuple that was looked up has the pod as source. If it is the original direction's, the pod opened the connection,
 * and the far end is the source of the replies; if it is the reply's, the other way round.
 */
static __always_inline void read_connection(struct connection *found, const struct nf_conn *connection, __u8 dir,
                                            __u8 ipv6, __u8 protocol)
{
    found->known = 1;
    found->opener = dir == CT_DIR_ORIGINAL ? CATFLAP_OPENER_FROM_POD : CATFLAP_OPENER_TO_POD;
    if (protocol == IPPROTO_TCP && bpf_core_field_exists(connection->proto.tcp.state)) {
        found->syn_only =
            connection->proto.tcp.state == CT_TCP_SYN_SENT || connection->proto.tcp.state == CT_TCP_SYN_SENT2;
        found->picked_up = flags_of_picked_up(connection->proto.tcp.seen[0].flags, connection->proto.tcp.seen[1].flags);
    }
    if (!bpf_core_field_exists(connection->tuplehash) || !bpf_core_field_exists(connection->tuplehash[0].tuple.src.u3))
        return;
    if (dir == CT_DIR_ORIGINAL)
        read_far(found, &connection->tuplehash[CT_DIR_REPLY].tuple.src, ipv6);
    else
        read_far(found, &connection->tuplehash[CT_DIR_ORIGINAL].tuple.src, ipv6);
}

/* False: nf_conntrack cannot be asked about it. An ICMP error stands for the packet that it quotes. */
static __always_inline int may_ask(const struct packet *p)
{
    const __u8 protocol = p->kind == PACKET_ICMP_ERROR ? p->quoted_protocol : p->protocol;

    return catflap_conntrack && (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP);
}

/*
 * What nf_conntrack says of the packet itself, without a lookup: struct sk_buff's _nfct. Only at to_pod: at from_pod it
 * has not seen the packet yet.
 */
static __always_inline unsigned long tracking_word(struct __sk_buff *skb)
{
    const struct sk_buff *kernel_skb = bpf_cast_to_kern_ctx(skb);

    return kernel_skb->_nfct;
}

/* By a rule: NOTRACK. */
static __always_inline int is_untracked(unsigned long tracking_word)
{
    return tracking_word == CT_INFO_UNTRACKED;
}

/* False: the packet is untracked, or invalid. */
static __always_inline int is_in_connection(unsigned long tracking_word)
{
    return tracking_word > CT_INFO_MASK;
}

static __always_inline __u32 info_of(unsigned long tracking_word)
{
    return tracking_word & CT_INFO_MASK;
}

/* The skb holds a reference on it. Read with a copy, since where nf_conntrack is a module its types are not vmlinux's.
 */
static __always_inline const struct nf_conn *connection_of(unsigned long tracking_word)
{
    return (const struct nf_conn *)(tracking_word & ~(unsigned long)CT_INFO_MASK);
}

static __always_inline int was_picked_up(unsigned long tracking_word)
{
    const struct nf_conn *connection = connection_of(tracking_word);

    return flags_of_picked_up(BPF_CORE_READ(connection, proto.tcp.seen[0].flags),
                              BPF_CORE_READ(connection, proto.tcp.seen[1].flags));
}

/*
 * The source of one direction's tuple is the destination of the other's. A macro, since a field's place in the kernel
 * can only be asked for with a constant index.
 */
#define IS_MIRRORED(connection, one, other)                                                                            \
    ({                                                                                                                 \
        struct catflap_address source_ = {}, destination_ = {};                                                        \
        __be16 source_port_ = 0, destination_port_ = 1;                                                                \
                                                                                                                       \
        bpf_core_read(&source_, sizeof(source_), &(connection)->tuplehash[one].tuple.src.u3);                          \
        bpf_core_read(&destination_, sizeof(destination_), &(connection)->tuplehash[other].tuple.dst.u3);              \
        bpf_core_read(&source_port_, sizeof(source_port_), &(connection)->tuplehash[one].tuple.src.u.all);             \
        bpf_core_read(&destination_port_, sizeof(destination_port_), &(connection)->tuplehash[other].tuple.dst.u.all); \
        same_address(&source_, &destination_) && source_port_ == destination_port_;                                    \
    })

/* By its tuples: IPVS translates without setting a status. */
static __always_inline int was_translated(const struct nf_conn *connection)
{
    return !IS_MIRRORED(connection, CT_DIR_ORIGINAL, CT_DIR_REPLY) ||
           !IS_MIRRORED(connection, CT_DIR_REPLY, CT_DIR_ORIGINAL);
}

/*
 * Which of a connection's tuples is looked up. At the pod's veth addresses are not translated yet, or translated back,
 * so the one tuple with the pod as source finds both directions. What comes in from the wire is not translated back
 * yet: only the packet's own tuple finds the answers of a Service's backend.
 */
enum tuple_kind { TUPLE_OF_POD, TUPLE_OF_PACKET };

/* Returns its size. */
static __always_inline __u32 make_tuple(struct bpf_sock_tuple *tuple, const struct packet *p, enum tuple_kind kind)
{
    const int as_it_is = kind == TUPLE_OF_PACKET || p->from_pod;
    const struct catflap_address *source = p->kind == PACKET_ICMP_ERROR ? &p->quoted_source : &p->source;
    const struct catflap_address *destination = p->kind == PACKET_ICMP_ERROR ? &p->quoted_destination : &p->destination;
    const struct catflap_address *local = as_it_is ? source : destination;
    const struct catflap_address *remote = as_it_is ? destination : source;
    const __be16 local_port_be = bpf_htons(as_it_is ? p->ports.source_port : p->ports.destination_port);
    const __be16 remote_port_be = bpf_htons(as_it_is ? p->ports.destination_port : p->ports.source_port);

    if (p->ipv6) {
        __builtin_memcpy(tuple->ipv6.saddr, local, sizeof(tuple->ipv6.saddr));
        __builtin_memcpy(tuple->ipv6.daddr, remote, sizeof(tuple->ipv6.daddr));
        tuple->ipv6.sport = local_port_be;
        tuple->ipv6.dport = remote_port_be;
        return sizeof(tuple->ipv6);
    }
    tuple->ipv4.saddr = local->word_be[3];
    tuple->ipv4.daddr = remote->word_be[3];
    tuple->ipv4.sport = local_port_be;
    tuple->ipv4.dport = remote_port_be;
    return sizeof(tuple->ipv4);
}

static __always_inline struct bpf_ct_opts ct_opts(const struct packet *p)
{
    const struct bpf_ct_opts opts = {
        .netns_id = CURRENT_NETNS,
        .l4proto = p->kind == PACKET_ICMP_ERROR ? p->quoted_protocol : p->protocol,
    };

    return opts;
}

/* NULL: nf_conntrack does not know the connection. Sets *dir. The caller releases it. */
static __always_inline struct nf_conn *find_connection(struct __sk_buff *skb, const struct packet *p,
                                                       enum tuple_kind kind, __u8 *dir)
{
    struct bpf_ct_opts opts = ct_opts(p);
    struct bpf_sock_tuple tuple = {};
    struct nf_conn *connection;

    /* The verifier wants to know the size. */
    if (make_tuple(&tuple, p, kind) == sizeof(tuple.ipv6))
        connection = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv6), &opts, sizeof(opts));
    else
        connection = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
    *dir = opts.dir;
    return connection;
}

/* Likewise, before there is an skb. */
static __always_inline struct nf_conn *find_connection_of_frame(struct xdp_md *frame, const struct packet *p, __u8 *dir)
{
    struct bpf_ct_opts opts = ct_opts(p);
    struct bpf_sock_tuple tuple = {};
    struct nf_conn *connection;

    if (make_tuple(&tuple, p, TUPLE_OF_PACKET) == sizeof(tuple.ipv6))
        connection = bpf_xdp_ct_lookup(frame, &tuple, sizeof(tuple.ipv6), &opts, sizeof(opts));
    else
        connection = bpf_xdp_ct_lookup(frame, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
    *dir = opts.dir;
    return connection;
}

/*
 * Asks who opened the packet's connection. Sets `known`, and if that is 1 the fields that depend on it. A global
 * function also to have a stack frame of its own: the callers together may use 512 bytes.
 */
GLOBAL_FUNCTION int ask_conntrack(struct __sk_buff *skb, const struct packet *p, struct connection *found)
{
    struct nf_conn *connection;
    __u8 dir = 0;

    if (!catflap_conntrack || !p || !found)
        return 0;
    connection = find_connection(skb, p, TUPLE_OF_POD, &dir);
    if (!connection)
        return 0;
    read_connection(found, connection, dir, p->ipv6, p->kind == PACKET_ICMP_ERROR ? p->quoted_protocol : p->protocol);
    bpf_ct_release(connection);
    return 0;
}

/* The packet's entry in nf_conntrack lives only so much longer, unless another packet renews it. */
GLOBAL_FUNCTION int shorten_connection(struct __sk_buff *skb, const struct packet *p, __u32 timeout_ms)
{
    struct nf_conn *connection;
    __u8 dir = 0;

    if (!catflap_tracked || !p)
        return 0;
    connection = find_connection(skb, p, TUPLE_OF_POD, &dir);
    if (!connection)
        return 0;
    bpf_ct_change_timeout(connection, timeout_ms);
    bpf_ct_release(connection);
    return 0;
}

#endif
