/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file asks nf_conntrack who opened a connection that the flow cache does not know (any more). The cache is a
 * hint and evicts: without this a reply whose entry has gone would be judged as a packet of the other side's own.
 * What conntrack says is no verdict: the opener's policy is asked as it is now.
 *
 * bpf_skb_ct_lookup: kernel 5.18, net/netfilter/nf_conntrack_bpf.c; TCP and UDP only. The loader clears
 * catflap_conntrack where the kernel does not have it.
 */
#ifndef CATFLAP_CONNTRACK_H
#define CATFLAP_CONNTRACK_H

#include "account.h"
#include "flow.h"
#include "maps.h"
#include "packet.h"

struct nf_conn {
    unsigned long status;
};

struct bpf_ct_opts {
    __s32 netns_id;
    __s32 error;
    __u8 l4proto;
    __u8 dir;
    __u8 reserved[2];
};
CATFLAP_ASSERT(sizeof(struct bpf_ct_opts) == 12); /* the size by which the kernel knows this form */

#define CURRENT_NETNS (-1)
#define CT_DIR_ORIGINAL 0

extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, __u32 tuple__sz,
                                         struct bpf_ct_opts *opts, __u32 opts__sz) __weak __ksym;
extern void bpf_ct_release(struct nf_conn *connection) __weak __ksym;

/*
 * Asked with the pod as the sender. What the pod opened has this tuple in its original direction, also to a Service,
 * since at the pod's veth nothing is translated yet, or is again; what was opened to the pod, in its reply direction.
 * -1: conntrack does not know it. A function of its own: its stack is none of those 512 bytes that the way into the
 * parser has.
 */
static __attribute__((noinline)) int conntrack_opener(struct __sk_buff *skb, const struct packet *p, int from_pod)
{
    const struct catflap_address *local = from_pod ? &p->source : &p->destination;
    const struct catflap_address *remote = from_pod ? &p->destination : &p->source;
    const __be16 local_port_be = bpf_htons(from_pod ? p->ports.source_port : p->ports.destination_port);
    const __be16 remote_port_be = bpf_htons(from_pod ? p->ports.destination_port : p->ports.source_port);
    struct bpf_ct_opts opts = {.netns_id = CURRENT_NETNS, .l4proto = p->protocol};
    struct bpf_sock_tuple tuple = {};
    struct nf_conn *connection;

    if (p->ipv6) {
        __builtin_memcpy(tuple.ipv6.saddr, local, sizeof(tuple.ipv6.saddr));
        __builtin_memcpy(tuple.ipv6.daddr, remote, sizeof(tuple.ipv6.daddr));
        tuple.ipv6.sport = local_port_be;
        tuple.ipv6.dport = remote_port_be;
        connection = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv6), &opts, sizeof(opts));
    } else {
        tuple.ipv4.saddr = local->word_be[3];
        tuple.ipv4.daddr = remote->word_be[3];
        tuple.ipv4.sport = local_port_be;
        tuple.ipv4.dport = remote_port_be;
        connection = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
    }
    if (!connection)
        return -1;
    bpf_ct_release(connection);
    return opts.dir == CT_DIR_ORIGINAL ? CATFLAP_FROM_POD : CATFLAP_TO_POD;
}

/*
 * A question costs as much as many denied packets, so whoever floods gets few of them answered: 2,000 to 8,000 in a
 * second on each CPU, by the kernel's HZ. A reply that comes too late in its jiffy is dropped, and sent again.
 */
#define QUESTIONS_IN_A_JIFFY 8

static __always_inline int may_ask(const struct context *c)
{
    const __u32 index = c->cpu;
    struct catflap_questions *questions = bpf_map_lookup_elem(&conntrack_questions, &index);
    const __u64 now = bpf_jiffies64();

    if (!questions)
        return 0;
    if (questions->jiffies != now) {
        questions->jiffies = now;
        questions->asked = 0;
    }
    return questions->asked++ < QUESTIONS_IN_A_JIFFY;
}

/* True: the packet answers what the other side opened, as far as conntrack knows. */
static __always_inline int is_reply_by_conntrack(const struct context *c, const struct packet *p)
{
    if (!catflap_conntrack || p->kind != PACKET_ORDINARY || opens_connection(p) || p->fragment == FRAGMENT_LATER ||
        (p->protocol != IPPROTO_TCP && p->protocol != IPPROTO_UDP) || !may_ask(c))
        return 0;
    return conntrack_opener(c->skb, p, c->direction == CATFLAP_FROM_POD) == !c->direction;
}

#endif
