/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file contains what we use of nf_conntrack: fields of its structs, its numbers, its functions. */
#ifndef CATFLAP_NF_CONN_H
#define CATFLAP_NF_CONN_H

#include <catflap/abi.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* The fields of kernel structs that we read. CO-RE relocates their offsets, also where nf_conntrack is a module. */
#define CO_RE __attribute__((preserve_access_index))

union nf_inet_addr {
    __u32 all[4];
} CO_RE;

union nf_conntrack_man_proto {
    __be16 all;
} CO_RE;

struct nf_conntrack_man {
    union nf_inet_addr u3;
    union nf_conntrack_man_proto u;
} CO_RE;

struct nf_conntrack_tuple_dst {
    union nf_inet_addr u3;
    union nf_conntrack_man_proto u; /* another union in the kernel; its first member is the same */
} CO_RE;

struct nf_conntrack_tuple {
    struct nf_conntrack_man src;
    struct nf_conntrack_tuple_dst dst;
} CO_RE;

struct nf_conntrack_tuple_hash {
    struct nf_conntrack_tuple tuple;
} CO_RE;

struct ip_ct_tcp_state {
    __u8 flags;
} CO_RE;

struct ip_ct_tcp {
    struct ip_ct_tcp_state seen[2];
    __u8 state;
} CO_RE;

union nf_conntrack_proto {
    struct ip_ct_tcp tcp;
} CO_RE;

struct nf_conn {
    struct nf_conntrack_tuple_hash tuplehash[2];
    union nf_conntrack_proto proto;
} CO_RE;

struct sk_buff {
    unsigned long _nfct; /* struct nf_conn *, and in the lowest three bits its enum ip_conntrack_info */
} CO_RE;

struct bpf_ct_opts {
    __s32 netns_id;
    __s32 error;
    __u8 l4proto;
    __u8 dir;
    __u8 reserved[2];
};
CATFLAP_ASSERT(sizeof(struct bpf_ct_opts) == 12); /* the kernel tells versions of this struct by its size */

/* include/uapi/linux/netfilter/nf_conntrack_common.h and nf_conntrack_tcp.h */
#define CT_INFO_MASK 7
#define CT_INFO_ESTABLISHED 0 /* in the opener's direction, and answered */
#define CT_INFO_NEW 2         /* nothing has been answered yet */
#define CT_INFO_REPLY 3       /* and above: in the direction of the replies */
#define CT_INFO_UNTRACKED 7   /* without a connection */
#define CT_TCP_FLAG_WINDOW_SCALE 0x01
#define CT_TCP_FLAG_LIBERAL 0x08
#define CT_TCP_SYN_SENT 1
#define CT_TCP_SYN_SENT2 9 /* a SYN has answered the SYN */

#define CURRENT_NETNS (-1)
#define CT_DIR_ORIGINAL 0
#define CT_DIR_REPLY 1

extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, __u32 tuple__sz,
                                         struct bpf_ct_opts *opts, __u32 opts__sz) __weak __ksym;
extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *frame, struct bpf_sock_tuple *tuple, __u32 tuple__sz,
                                         struct bpf_ct_opts *opts, __u32 opts__sz) __weak __ksym;
extern void bpf_ct_release(struct nf_conn *connection) __weak __ksym;
/* Kernel 6.0. */
extern int bpf_ct_change_timeout(struct nf_conn *connection, __u32 timeout_ms) __weak __ksym;
/* Kernel 6.2, kernel/bpf/helpers.c. */
extern void *bpf_cast_to_kern_ctx(void *context) __weak __ksym;

#endif
