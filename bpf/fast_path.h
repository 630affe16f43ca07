/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow cache's fast path. Each CPU has a direct-mapped array of the established flows that it saw last. A packet in
 * the middle of such a flow passes by that entry: it needs neither the full parser, nor the endpoint's config, nor the
 * lookup in `flows`, which together cost more than everything else.
 *
 * A fast flow is a copy of the flow, at most CATFLAP_FAST_FLOW_JIFFIES old: 25 ms with HZ 1000, 100 ms with HZ 250 (as
 * in most distributions), 250 ms with HZ 100. In that time another CPU may have seen the end of the connection, and
 * `flows` does not learn of the packets, so the LRU may take a busy flow for idle by that much. No verdict depends on
 * either. An entry is written only at the end of the slow path, for an allowed flow, together with the publication
 * under which it was allowed: a change of policy, labels or pod makes another publication and takes effect with the
 * next packet. What the slow path checks for every packet is checked here too, or the flow gets no entry: see
 * fast_flow_allowed().
 *
 * One CPU alone writes and reads an entry, and programs run with softirqs disabled, so none interrupts another. That
 * does not hold with PREEMPT_RT, where two writers could mix two flows in one entry: there the loader switches the fast
 * path off (catflap_fast_flow_jiffies = 0).
 */
#ifndef CATFLAP_FAST_PATH_H
#define CATFLAP_FAST_PATH_H

#include "account.h"
#include "flow.h"
#include "maps.h"
#include "parse/fast_parse.h"

/* A deliberate collision only sends the victim's packets down the slow path. */
static __always_inline struct catflap_fast_flow *
fast_flow_place(const struct context *c, const struct catflap_address *remote, __u16 local_port, __u16 remote_port)
{
    const __u64 high = (__u64)remote->word_be[0] << 32 | remote->word_be[1];
    const __u64 ports = (__u32)local_port << 16 | remote_port;
    const __u64 low = (__u64)remote->word_be[3] << 32 | ports;
    const __u64 mixed = (high ^ remote->word_be[2] ^ c->publication) * 0x165667b19e3779f9ULL ^ low;
    __u32 index = c->cpu * CATFLAP_FAST_FLOWS;

    index += (__u32)((mixed ^ mixed >> 32) * 0x9e3779b97f4a7c15ULL >> 32) & (CATFLAP_FAST_FLOWS - 1);
    return bpf_map_lookup_elem(&fast_flows, &index);
}

/* The packet's entry; NULL: it has none. */
static __always_inline const struct catflap_fast_flow *fast_flow_match(const struct context *c,
                                                                       const struct fast_packet *p)
{
    const struct catflap_fast_flow *fast = fast_flow_place(c, &p->remote, p->local_port, p->remote_port);

    if (!fast || !same_address(&fast->remote, &p->remote) || !same_address(&fast->local, &p->local) ||
        fast->local_port != p->local_port || fast->remote_port != p->remote_port ||
        catflap_protocol_of(fast->slot_protocol) != p->protocol || fast->publication != c->publication ||
        bpf_jiffies64() - fast->seen_jiffies >= catflap_fast_flow_jiffies)
        return NULL;
    /* See from_other_sender(). */
    if (c->direction == CATFLAP_TO_POD && fast->sender_ifindex && fast->sender_ifindex != c->skb->ingress_ifindex)
        return NULL;
    return fast;
}

/* The entry by which the packet passes, or NULL. Sets c->bytes. */
static __always_inline const struct catflap_fast_flow *fast_flow_find(struct context *c)
{
    const __be16 ethertype = fast_ethertype(c->skb);
    struct fast_packet p;

    if (!catflap_fast_flow_jiffies)
        return NULL;
    if (ethertype == bpf_htons(ETH_P_IP))
        return fast_parse_ipv4(c, &p) ? fast_flow_match(c, &p) : NULL;
    if (ethertype == bpf_htons(ETH_P_IPV6))
        return fast_parse_ipv6(c, &p) ? fast_flow_match(c, &p) : NULL;
    return NULL;
}

/*
 * Excluded is what has to be checked with every packet: a stale flow; a source that is not the pod's, and tunnels
 * (check_sender); other protocols than TCP from the node itself (from_other_sender).
 */
static __always_inline int fast_flow_allowed(const struct context *c, const struct catflap_flow_key *key,
                                             const struct catflap_address *local, const struct catflap_flow *flow)
{
    const struct catflap_address unspecified = {};
    const __u8 protocol = catflap_protocol_of(key->slot_protocol);

    if (!catflap_fast_flow_jiffies || flow->state != CATFLAP_FLOW_ESTABLISHED || !flow_current(flow, c->endpoint) ||
        same_address(local, &unspecified) || !same_address(local, &c->endpoint->address[!is_ipv4_mapped(local)]))
        return 0;
    if (protocol == IPPROTO_TCP)
        return 1;
    return protocol == IPPROTO_UDP && flow->opener != CATFLAP_OPENER_HOST && !is_tunnel_port(key->remote_port);
}

/* The flow has changed, or another one with the same ends replaces it. */
static __always_inline void fast_flow_forget(const struct context *c, const struct catflap_flow_key *key)
{
    struct catflap_fast_flow *fast = fast_flow_place(c, &key->remote, key->local_port, key->remote_port);

    if (fast && same_address(&fast->remote, &key->remote) && fast->local_port == key->local_port &&
        fast->remote_port == key->remote_port && fast->slot_protocol == key->slot_protocol)
        fast->publication = 0;
}

/* At the end of the slow path of an ordinary packet. */
static __always_inline void fast_flow_remember(const struct context *c, const struct catflap_flow_key *key,
                                               const struct packet *p, const struct catflap_flow *flow)
{
    const struct catflap_address *local = c->direction == CATFLAP_FROM_POD ? &p->source : &p->destination;
    struct catflap_fast_flow *fast;

    if (!fast_flow_allowed(c, key, local, flow)) {
        fast_flow_forget(c, key);
        return;
    }
    fast = fast_flow_place(c, &key->remote, key->local_port, key->remote_port);
    if (!fast)
        return;
    /* Publication 0 matches nothing, so a half-written entry is never used. */
    *(volatile __u32 *)&fast->publication = 0;
    barrier();
    fast->remote = key->remote;
    fast->local = *local;
    fast->local_port = key->local_port;
    fast->remote_port = key->remote_port;
    fast->slot_protocol = key->slot_protocol;
    fast->rule = counted_rule(flow, c->endpoint);
    fast->sender_ifindex =
        catflap_protocol_of(key->slot_protocol) != IPPROTO_TCP && flow->opener == CATFLAP_OPENER_TO_POD
            ? flow->sender_ifindex
            : 0;
    fast->seen_jiffies = bpf_jiffies64();
    barrier();
    *(volatile __u32 *)&fast->publication = c->publication;
}

#endif
