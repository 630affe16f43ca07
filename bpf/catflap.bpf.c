/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two programs of every cali* veth, and those of the uplinks (uplink.h, early_drop.h). Seen from the node, TC
 * ingress of a veth carries what the pod sends (from_pod) and TC egress what it receives (to_pod). The steps: endpoint;
 * the fast path, for the middle of a connection, and from it the short way to another pod or an uplink; parse, link
 * maintenance, sender, connection, policy; and pass() or drop(), which count.
 */
#include "account.h"
#include "endpoint.h"
#include "parse/fragment.h"
#include "judge.h"
#include "maps.h"
#include "parse/parse.h"
#include "fast_path.h"
#include "uplink.h"

/* A spoofed source or a tunnel would bypass every policy. */
static __always_inline int check_sender(const struct catflap_endpoint_config *endpoint, const struct packet *p)
{
    const struct catflap_address *own = own_address(endpoint, p->ipv6);
    const struct catflap_address unspecified = {};

    if (same_address(&p->source, &unspecified) || !same_address(&p->source, own))
        return CATFLAP_REASON_SPOOFED_SOURCE;
    if (p->kind == PACKET_ICMP_ERROR && !same_address(&p->quoted_source, own))
        return CATFLAP_REASON_SPOOFED_SOURCE; /* an error about a packet that another pod received */
    return is_tunnel(p) ? CATFLAP_REASON_ENCAPSULATION : CATFLAP_REASON_NONE;
}

/* TC_ACT_UNSPEC - 1: no fast flow. */
#define NOT_FAST (TC_ACT_UNSPEC - 1)

/* Of a flow that was judged at the uplink. False: the slow path has to take note that its packets are untracked. */
static __always_inline int is_first_tracked(const struct context *c, struct catflap_fast_flow *fast)
{
    fast->redirected &= (__u8)~CATFLAP_JUDGED_EARLY;
    return catflap_tracked && !is_untracked(tracking_word(c->skb));
}

/* In the middle of a connection. */
static __always_inline int pass_fast(const struct context *c, struct catflap_fast_flow *fast)
{
    if (c->direction == CATFLAP_TO_POD) {
        /* Not yet by the first packet: many flows have no other, and nf_conntrack has to see a whole handshake. */
        if (!(fast->redirected & CATFLAP_JUDGED_EARLY))
            fast_flow_learn(c, fast);
        else if (!is_first_tracked(c, fast))
            return NOT_FAST;
    } else if (catflap_redirects && fast->redirected & CATFLAP_REDIRECTED_FROM_POD) {
        const int verdict = redirect_from_pod(c, fast);

        if (verdict != TC_ACT_UNSPEC)
            return verdict;
    } else if (catflap_redirects) {
        fast->redirected |= CATFLAP_SENT_AGAIN;
    }
    return pass(c, fast->slot, fast->rule[c->direction]);
}

static __always_inline struct context context_of(struct __sk_buff *skb, enum catflap_direction direction,
                                                 __u32 publication)
{
    const struct context c = {
        .skb = skb,
        .publication = publication,
        .direction = direction,
        .sender_ifindex = skb->ingress_ifindex,
        .cpu = bpf_get_smp_processor_id(),
        .packets = skb->gso_segs ? skb->gso_segs : 1,
    };

    return c;
}

/* Everything but the middle of a connection. */
static __always_inline int process_slowly(struct __sk_buff *skb, enum catflap_direction direction, __u32 publication)
{
    struct context c = context_of(skb, direction, publication);
    struct packet p = {.from_pod = direction == CATFLAP_FROM_POD};
    int reason, verdict;

    c.packet = &p;
    c.endpoint = published(c.publication);
    reason = parse(skb, &p);
    c.bytes = p.ip_bytes;
    if (reason)
        return drop(&c, reason, CATFLAP_RULE_NONE);
    if (p.kind == PACKET_LINK)
        return TC_ACT_UNSPEC;
    if (!c.endpoint)
        return drop(&c, CATFLAP_REASON_UNKNOWN_ENDPOINT, CATFLAP_RULE_NONE);
    if (p.fragment == FRAGMENT_LATER) {
        reason = recall_fragment(&p, direction, c.endpoint->slot);
        if (reason == CATFLAP_REASON_FRAGMENT && c.endpoint->tables[direction].open)
            reason = CATFLAP_REASON_NONE;
        if (reason)
            return drop(&c, reason, CATFLAP_RULE_NONE);
    }
    if (direction == CATFLAP_FROM_POD) {
        reason = check_sender(c.endpoint, &p);
        if (reason)
            return drop(&c, reason, CATFLAP_RULE_NONE);
    }
    verdict = judge(&c, &p);
    if (p.fragment == FRAGMENT_FIRST && verdict == TC_ACT_UNSPEC)
        remember_fragment(&p, direction, c.endpoint->slot);
    return verdict;
}

static __always_inline int process_fast(struct __sk_buff *skb, enum catflap_direction direction, __u32 publication)
{
    struct context c = context_of(skb, direction, publication);
    struct catflap_fast_flow *fast = fast_flow_find(&c);

    return fast ? pass_fast(&c, fast) : NOT_FAST;
}

/*
 * Functions of their own: the fast path need not save what only the other one uses, and together with what they call
 * they must not need more than 512 bytes of stack.
 */
static __noinline int from_pod_fast(struct __sk_buff *skb, __u32 publication)
{
    return process_fast(skb, CATFLAP_FROM_POD, publication);
}

static __noinline int from_pod_slowly(struct __sk_buff *skb, __u32 publication)
{
    return process_slowly(skb, CATFLAP_FROM_POD, publication);
}

static __noinline int to_pod_fast(struct __sk_buff *skb, __u32 publication)
{
    return process_fast(skb, CATFLAP_TO_POD, publication);
}

static __noinline int to_pod_slowly(struct __sk_buff *skb, __u32 publication)
{
    return process_slowly(skb, CATFLAP_TO_POD, publication);
}

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
    const __u32 publication = find_publication(skb->ifindex);
    const int verdict = publication ? from_pod_fast(skb, publication) : NOT_FAST;

    return verdict == NOT_FAST ? from_pod_slowly(skb, publication) : verdict;
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
    const __u32 publication = find_publication(skb->ifindex);
    const int verdict = publication ? to_pod_fast(skb, publication) : NOT_FAST;

    return verdict == NOT_FAST ? to_pod_slowly(skb, publication) : verdict;
}

SEC("tc")
int from_uplink(struct __sk_buff *skb)
{
    return process_from_uplink(skb);
}

SEC("tc")
int to_uplink(struct __sk_buff *skb)
{
    return process_to_uplink(skb);
}

SEC("xdp")
int early_drop_xdp(struct xdp_md *frame)
{
    return early_drop_of_frame(frame);
}

/* The kernel offers some helpers to GPL-compatible programs only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
