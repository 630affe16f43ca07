/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The fast path. Each CPU has a direct-mapped array of the connections that it saw last, with the verdict on each
 * direction. A packet in the middle of such a connection passes by that entry: it needs neither the full parser, nor
 * the endpoint's config, nor the tables, which together cost more than everything else.
 *
 * An entry, a fast flow, is at most CATFLAP_FAST_FLOW_JIFFIES old: 25 ms with HZ 1000, 100 ms with HZ 250 (as in most
 * distributions), 250 ms with HZ 100. In that time another CPU may have seen the end of the connection, and `flows`
 * does not learn of the packets, so the LRU may take a busy flow for idle by that much. No verdict depends on either. A
 * direction's verdict is written only at the end of the slow path, for a packet that passed in it, together with the
 * publication under which it passed: a change of policy, labels or pod makes another publication and takes effect with
 * the next packet. What the slow path checks for every packet is checked here too, or is the same for every packet of
 * that direction with these ends, this publication and, to the pod, this incoming interface.
 *
 * One CPU alone writes and reads an entry, and programs run with softirqs disabled, so none interrupts another. That
 * does not hold with PREEMPT_RT, where two writers could mix two flows in one entry: there the loader switches the fast
 * path off (catflap_fast_flow_jiffies = 0).
 */
#ifndef CATFLAP_FAST_PATH_H
#define CATFLAP_FAST_PATH_H

#include "account.h"
#include "endpoint.h"
#include "flow.h"
#include "maps.h"
#include "parse/fast_parse.h"
#include "redirect.h"

/* A deliberate collision only sends the victim's packets down the slow path. */
static __always_inline __u32 fast_flow_index(__u32 cpu, __u32 publication, const struct catflap_address *remote,
                                             __u16 local_port, __u16 remote_port)
{
    const __u64 high = (__u64)remote->word_be[0] << 32 | remote->word_be[1];
    const __u64 ports = (__u32)local_port << 16 | remote_port;
    const __u64 low = (__u64)remote->word_be[3] << 32 | ports;
    const __u64 mixed = (high ^ remote->word_be[2] ^ publication) * 0x165667b19e3779f9ULL ^ low;

    return cpu * CATFLAP_FAST_FLOWS +
           ((__u32)((mixed ^ mixed >> 32) * 0x9e3779b97f4a7c15ULL >> 32) & (CATFLAP_FAST_FLOWS - 1));
}

static __always_inline int fast_flow_fresh(const struct catflap_fast_flow *fast)
{
    return bpf_jiffies64() - fast->seen_jiffies < catflap_fast_flow_jiffies;
}

static __always_inline int fast_flow_has_ends(const struct catflap_fast_flow *fast, const struct fast_packet *p)
{
    return same_address(&fast->remote, &p->remote) && same_address(&fast->local, &p->local) &&
           fast->local_port == p->local_port && fast->remote_port == p->remote_port && fast->protocol == p->protocol;
}

/* The packet's entry; NULL: it has none, or none with a verdict on this direction. */
static __always_inline struct catflap_fast_flow *fast_flow_match(struct context *c, const struct fast_packet *p)
{
    const __u32 index = fast_flow_index(c->cpu, c->publication, &p->remote, p->local_port, p->remote_port);
    struct catflap_fast_flow *fast = bpf_map_lookup_elem(&fast_flows, &index);

    c->fast_index = index; /* the map's key must not be c itself: the compiler would keep all of it in memory */
    if (!fast || fast->publication != c->publication || !fast_flow_has_ends(fast, p) ||
        fast->rule[c->direction] == CATFLAP_NO_VERDICT || !fast_flow_fresh(fast))
        return NULL;
    if (c->direction == CATFLAP_TO_POD && fast->sender_ifindex != c->sender_ifindex)
        return NULL;
    return fast;
}

/* The entry by which the packet passes, or NULL. Sets c->bytes. */
static __always_inline struct catflap_fast_flow *fast_flow_find(struct context *c)
{
    struct fast_packet p;

    return catflap_fast_flow_jiffies && fast_parse(c, &p) ? fast_flow_match(c, &p) : NULL;
}

/*
 * At to_pod, for a packet that passes, and its fast flow: it may show the short way from its sender, or its uplink. A
 * function of its own for the sake of its callers' stacks.
 */
GLOBAL_FUNCTION int learn_short_way(struct __sk_buff *skb, struct catflap_fast_flow *mine, __u32 cpu)
{
    struct context c = {.skb = skb, .cpu = cpu};
    const __u32 sender_ifindex = skb->ingress_ifindex;
    struct catflap_fast_flow *sender_flow;
    __u32 publication, index;

    if (!mine)
        return 0;
    c.publication = mine->publication;
    if (!sender_ifindex || sender_ifindex == skb->ifindex || !redirect_gate_open(mine->slot, mine->protocol))
        return 0;
    publication = find_publication(sender_ifindex);
    if (!publication) {
        index = fast_flow_index(cpu, mine->publication, &mine->remote, mine->local_port, mine->remote_port);
        learn_delivery(&c, mine, index);
        return 0;
    }
    index = fast_flow_index(cpu, publication, &mine->local, mine->remote_port, mine->local_port);
    sender_flow = bpf_map_lookup_elem(&fast_flows, &index);
    if (sender_flow && sender_flow->publication == publication && fast_flow_fresh(sender_flow) &&
        redirect_gate_open(sender_flow->slot, mine->protocol))
        learn_redirect(&c, mine, sender_flow, index);
    return 0;
}

static __always_inline void fast_flow_learn(const struct context *c, struct catflap_fast_flow *mine)
{
    if (catflap_redirects)
        learn_short_way(c->skb, mine, c->cpu);
}

static __always_inline void read_ends(struct fast_packet *ends, const struct context *c, const struct packet *p)
{
    const int from_pod = c->direction == CATFLAP_FROM_POD;

    ends->remote = from_pod ? p->destination : p->source;
    ends->local = from_pod ? p->source : p->destination;
    ends->local_port = from_pod ? p->ports.source_port : p->ports.destination_port;
    ends->remote_port = from_pod ? p->ports.destination_port : p->ports.source_port;
    ends->protocol = p->protocol;
}

/* The connection has changed, or another one with the same ends replaces it. */
static __always_inline void fast_flow_forget(const struct context *c, const struct packet *p)
{
    struct catflap_fast_flow *fast;
    struct fast_packet ends;
    __u32 index;

    read_ends(&ends, c, p);
    index = fast_flow_index(c->cpu, c->publication, &ends.remote, ends.local_port, ends.remote_port);
    fast = bpf_map_lookup_elem(&fast_flows, &index);
    if (fast && fast->publication == c->publication && fast_flow_has_ends(fast, &ends))
        fast->publication = 0;
}

/*
 * At the end of the slow path of an ordinary TCP or UDP packet that passes. rule: counts it. mark: with
 * the first verdict on this direction, enum catflap_redirected.
 *
 * A fresh entry keeps its age when it gets the verdict on its other direction. A SYN begins another connection.
 */
static __always_inline void fast_flow_remember(const struct context *c, const struct packet *p, __u32 rule, __u8 mark)
{
    const struct catflap_address unspecified = {};
    struct catflap_fast_flow *fast;
    struct fast_packet ends;
    __u32 index;

    if (!catflap_fast_flow_jiffies)
        return;
    read_ends(&ends, c, p);
    /* Else the pod's answer, whose source has to be checked, would pass by an entry. */
    if (same_address(&ends.local, &unspecified) || !same_address(&ends.local, own_address(c->endpoint, p->ipv6)))
        return;
    index = fast_flow_index(c->cpu, c->publication, &ends.remote, ends.local_port, ends.remote_port);
    fast = bpf_map_lookup_elem(&fast_flows, &index);
    if (!fast)
        return;
    if (fast->publication != c->publication || !fast_flow_has_ends(fast, &ends) || !fast_flow_fresh(fast) ||
        opens_connection(p)) {
        /* Publication 0 matches nothing, so a half-written entry is never used. */
        *(volatile __u32 *)&fast->publication = 0;
        barrier();
        fast->remote = ends.remote;
        fast->local = ends.local;
        fast->local_port = ends.local_port;
        fast->remote_port = ends.remote_port;
        fast->slot = (__u16)c->endpoint->slot;
        fast->protocol = ends.protocol;
        fast->redirected = 0;
        fast->rule[CATFLAP_FROM_POD] = CATFLAP_NO_VERDICT;
        fast->rule[CATFLAP_TO_POD] = CATFLAP_NO_VERDICT;
        fast->seen_jiffies = bpf_jiffies64();
        barrier();
        *(volatile __u32 *)&fast->publication = c->publication;
    }
    if (fast->rule[c->direction] == CATFLAP_NO_VERDICT)
        fast->redirected |= mark;
    fast->rule[c->direction] = rule;
    if (c->direction == CATFLAP_TO_POD && fast->sender_ifindex != c->sender_ifindex) {
        fast->redirected &= (__u8)~CATFLAP_REDIRECTED_TO_POD; /* it was learned for another uplink */
        fast->sender_ifindex = c->sender_ifindex;
    }
}

#endif
