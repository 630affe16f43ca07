/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The guard: two netfilter programs (kernel 6.4) that close pods' interfaces without datapath programs. The agent puts
 * an interface into the device group CATFLAP_GROUP_JUDGED once both of its programs are attached. Packets forwarded
 * from or to any other interface whose name is a pod's, or sent by one to the node, are dropped; so are those of an
 * interface in CATFLAP_GROUP_CLOSED, whatever its name is. See guard/guard.h.
 */
#include <catflap/link_maintenance.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>

#include "drop_counters.h"
#include <bpf/bpf_core_read.h>

/* The fields of kernel structs that we read; CO-RE relocates their offsets. */
#define CO_RE __attribute__((preserve_access_index))

struct net_device {
    char name[16];
    int group;
} CO_RE;

struct sk_buff {
    unsigned int len;
    __u16 network_header;
    unsigned int tail;
    unsigned char *head;
    unsigned long _nfct; /* the connection, and in the lowest three bits what the packet is to it */
} CO_RE;

struct nf_hook_state {
    __u8 pf;
    struct net_device *in;
    struct net_device *out;
} CO_RE;

struct bpf_nf_ctx {
    const struct nf_hook_state *state;
    struct sk_buff *skb;
} CO_RE;

/* How the names of pods' interfaces begin; the loader fills it. */
const volatile struct catflap_name_prefix name_prefixes[CATFLAP_MAX_PREFIXES];
const volatile __u32 name_prefix_count;

#define HOP_BY_HOP 0
#define CONNTRACK_INFO 7UL /* enum ip_conntrack_info */
#define CONNTRACK_REPLY 3  /* from here on: replies */

static __always_inline int is_pods(const struct net_device *device)
{
    __u64 name = *(const __u64 *)device->name;
    __u32 i;

    for (i = 0; i < CATFLAP_MAX_PREFIXES; i++)
        if (i < name_prefix_count && (name & name_prefixes[i].mask) == name_prefixes[i].bytes)
            return 1;
    return 0;
}

/* The group comes first: it decides for nearly every packet, and a renamed interface keeps it. */
static __always_inline int is_closed(const struct net_device *device)
{
    int group = device->group;

    if (group == CATFLAP_GROUP_JUDGED)
        return 0;
    return group == CATFLAP_GROUP_CLOSED || is_pods(device);
}

static __always_inline int drop(const struct sk_buff *skb)
{
    __u32 reason = CATFLAP_REASON_UNJUDGED;
    struct catflap_counter *counter = bpf_map_lookup_elem(&drop_counters, &reason);

    if (counter) {
        counter->packets++;
        counter->bytes += skb->len;
    }
    return NF_DROP;
}

/* From the linear part of the buffer only: a valid packet has its headers there. */
static __always_inline long load(const struct sk_buff *skb, __u32 offset, void *to, __u32 bytes)
{
    if (offset + bytes > skb->tail)
        return -1;
    return bpf_probe_read_kernel(to, bytes, skb->head + offset);
}

/*
 * Link maintenance from a pod to its node, which the programs of the interface would let pass, too. Listener messages
 * carry one hop-by-hop header.
 */
static __always_inline int is_link_maintenance(const struct sk_buff *skb)
{
    __u32 offset = skb->network_header;
    struct ipv6hdr ip6;
    __u8 protocol, type;

    if (load(skb, offset, &ip6, sizeof(ip6)))
        return 0;
    offset += sizeof(ip6);
    protocol = ip6.nexthdr;
    if (protocol == HOP_BY_HOP) {
        __u8 header[2]; /* what follows, and its length in units of 8 bytes behind the first */

        if (load(skb, offset, header, sizeof(header)))
            return 0;
        protocol = header[0];
        offset += (header[1] + 1) * 8;
    }
    if (protocol != IPPROTO_ICMPV6 || load(skb, offset, &type, sizeof(type)))
        return 0;
    return catflap_is_link_message(type, ip6.hop_limit, 1);
}

static __always_inline int is_tcp(const struct sk_buff *skb, __u8 family)
{
    struct iphdr ip4;
    struct ipv6hdr ip6;

    if (family == NFPROTO_IPV4)
        return !load(skb, skb->network_header, &ip4, sizeof(ip4)) && ip4.protocol == IPPROTO_TCP;
    return !load(skb, skb->network_header, &ip6, sizeof(ip6)) && ip6.nexthdr == IPPROTO_TCP;
}

/*
 * Replies to the node's own connections, such as the kubelet's probes, pass while a pod is closed. Connection tracking
 * has seen the packet in PREROUTING. TCP alone: a closed pod may spoof a source, but does not know the sequence
 * numbers.
 */
static __always_inline int answers_the_node(const struct sk_buff *skb, __u8 family)
{
    return bpf_core_field_exists(skb->_nfct) && (skb->_nfct & CONNTRACK_INFO) >= CONNTRACK_REPLY && is_tcp(skb, family);
}

/* libbpf 1.1 does not know this section name: the loader sets the program type. */
SEC("netfilter")
int guard_forward(struct bpf_nf_ctx *ctx)
{
    const struct nf_hook_state *state = ctx->state;

    if (is_closed(state->in) || is_closed(state->out))
        return drop(ctx->skb);
    return NF_ACCEPT;
}

SEC("netfilter")
int guard_input(struct bpf_nf_ctx *ctx)
{
    const struct nf_hook_state *state = ctx->state;

    if (!is_closed(state->in) || (state->pf == NFPROTO_IPV6 && is_link_maintenance(ctx->skb)) ||
        answers_the_node(ctx->skb, state->pf))
        return NF_ACCEPT;
    return drop(ctx->skb);
}

/* bpf_probe_read_kernel is for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
