/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two programs of every cali* veth. Seen from the node, TC ingress carries what the pod sends (from_pod) and TC
 * egress what it receives (to_pod). A packet's way: endpoint; the short way of recent.h, if it is in the middle of
 * a connection; parse, link maintenance, sender, flow, policy; and then out by pass() or drop(), which count.
 */
#include "account.h"
#include "classify.h"
#include "conntrack.h"
#include "flow.h"
#include "fragment.h"
#include "maps.h"
#include "parse.h"
#include "recent.h"

/* See struct catflap_interface; 0: nothing is known of the interface. */
static __always_inline __u32 find_publication(__u32 ifindex)
{
    for (__u32 probe = 0; probe < CATFLAP_INTERFACE_PROBES; probe++) {
        __u32 index = catflap_interface_slot(ifindex, probe);
        const __u64 *word = bpf_map_lookup_elem(&interfaces, &index);
        union {
            __u64 word;
            struct catflap_interface slot;
        } found;

        if (!word)
            return 0;
        found.word = *(const volatile __u64 *)word; /* one load: interface and publication belong together */
        if (found.slot.ifindex == ifindex)
            return found.slot.publication;
    }
    return 0;
}

static __always_inline const struct catflap_endpoint_config *published(__u32 publication)
{
    __u32 config = CATFLAP_CONFIG_OF(publication);

    return config ? bpf_map_lookup_elem(&endpoint_configs, &config) : NULL;
}

/* A pod that sends from another's address, or hides packets in packets, would walk around every policy. */
static __always_inline int check_sender(const struct catflap_endpoint_config *endpoint, const struct packet *p)
{
    const struct catflap_address unspecified = {};

    if (same_address(&p->source, &unspecified) || !same_address(&p->source, &endpoint->address[p->ipv6 & 1]))
        return CATFLAP_REASON_SPOOFED_SOURCE;
    if (p->kind == PACKET_ICMP_ERROR && !same_address(&p->quoted_source, &endpoint->address[p->ipv6 & 1]))
        return CATFLAP_REASON_SPOOFED_SOURCE; /* an error about what somebody else received */
    if (endpoint->flags & CATFLAP_ENDPOINT_ENCAP)
        return CATFLAP_REASON_NONE;
    return is_tunnel(p) ? CATFLAP_REASON_ENCAPSULATION : CATFLAP_REASON_NONE;
}

/*
 * Between two pods of this node the sender is known by its interface, also where kube-proxy masqueraded it: its packets
 * passed check_sender(). NULL: it came from elsewhere.
 */
static __always_inline const struct catflap_address *sender_address(__u32 sender_ifindex, __u8 ipv6)
{
    const struct catflap_endpoint_config *sender = sender_ifindex ? published(find_publication(sender_ifindex)) : NULL;

    return sender ? &sender->address[ipv6 & 1] : NULL;
}

static __always_inline void create_flow(const struct context *c, const struct catflap_flow_key *key, __u8 opener,
                                        __u32 rule, const struct packet *p)
{
    struct catflap_flow flow = {
        .last_seen_ns = now_ns(),
        .generation = c->endpoint->generation,
        .rule = rule,
        .opener = opener,
        .sender_ifindex = opener == CATFLAP_OPENER_FROM_POD || c->direction == CATFLAP_FROM_POD
                              ? CATFLAP_SENDER_UNKNOWN
                              : c->skb->ingress_ifindex,
        /* The middle of a connection that was evicted, or that began before us. */
        .state = p->protocol == IPPROTO_TCP && !opens_connection(p) ? CATFLAP_FLOW_REPLIED : CATFLAP_FLOW_OPENING,
    };
    const long failed = bpf_map_update_elem(&flows, key, &flow, BPF_ANY);
    struct catflap_health *h = health();

    if (!h)
        return;
    h->flows_created++;
    if (failed)
        h->flow_insert_failures++;
}

/*
 * The packet's own direction does not admit it. Where it answers a connection of which the cache knows nothing, the
 * direction of that one decides.
 */
static __always_inline int is_admitted_reply(const struct context *c, const struct packet *p,
                                             const struct catflap_flow_key *key, __u32 *rule)
{
    const enum catflap_direction opener = !c->direction;
    const __u16 port = opener == CATFLAP_FROM_POD ? key->remote_port : key->local_port;
    struct catflap_health *h;
    __u32 cell = 0;

    if (!is_reply_by_conntrack(c, p) ||
        classify(&c->endpoint->tables[opener], &key->remote, p->protocol, port, &cell) != CATFLAP_REASON_NONE ||
        !(cell & CATFLAP_CELL_ALLOW))
        return 0;
    *rule = cell & CATFLAP_CELL_RULE;
    create_flow(c, key, opener, *rule, p);
    h = health();
    if (h)
        h->flows_recovered++;
    return 1;
}

/* No flow that counts: the packet's own direction decides, by the addresses and the destination port. */
static __always_inline int judge_new(const struct context *c, const struct packet *p,
                                     const struct catflap_flow_key *key)
{
    struct catflap_address remote = c->direction == CATFLAP_FROM_POD ? p->destination : p->source;
    const __u16 port = p->kind == PACKET_ICMP_ERROR ? 0 : p->ports.destination_port;
    __u32 cell = 0;
    int reason;

    if (c->direction == CATFLAP_TO_POD && !c->endpoint->tables[CATFLAP_TO_POD].open) {
        const struct catflap_address *sender = sender_address(c->skb->ingress_ifindex, p->ipv6);

        if (sender)
            remote = *sender;
    }
    reason = classify(&c->endpoint->tables[c->direction], &remote, p->protocol, port, &cell);
    if (reason)
        return drop(c, reason, CATFLAP_RULE_NONE);
    if (!(cell & CATFLAP_CELL_ALLOW)) {
        __u32 rule = CATFLAP_RULE_NONE;

        if (is_admitted_reply(c, p, key, &rule))
            return pass(c, c->endpoint->slot, rule);
        return drop(c, CATFLAP_REASON_POLICY, cell & CATFLAP_CELL_RULE);
    }
    /* An error without a flow opens none: it is no connection. */
    if (p->kind != PACKET_ICMP_ERROR)
        create_flow(c, key, c->direction, cell & CATFLAP_CELL_RULE, p);
    return pass(c, c->endpoint->slot, cell & CATFLAP_CELL_RULE);
}

/*
 * A flow that was judged under an earlier state: again, in the direction in which it was opened. Where it is no longer
 * allowed, the entry stays, stale: without it the other side's next packet would pass for a new connection.
 */
static __always_inline int judge_again(const struct context *c, const struct catflap_flow_key *key,
                                       struct catflap_flow *flow, __u32 *rule)
{
    const __u32 opener = flow->opener & 1;
    const __u16 port = opener == CATFLAP_FROM_POD ? key->remote_port : key->local_port;
    const __u8 ipv6 = !is_ipv4_mapped(&key->remote);
    const struct catflap_address *sender = sender_address(flow->sender_ifindex, ipv6);
    struct catflap_address remote = sender ? *sender : key->remote;
    struct catflap_health *h = health();
    __u32 cell = 0;
    const int reason = classify(&c->endpoint->tables[opener], &remote, (__u8)key->slot_protocol, port, &cell);

    if (h)
        h->flows_judged_again++;
    if (reason)
        return reason;
    *rule = cell & CATFLAP_CELL_RULE;
    if (!(cell & CATFLAP_CELL_ALLOW))
        return CATFLAP_REASON_POLICY;
    flow->rule = *rule;
    flow->generation = c->endpoint->generation;
    return CATFLAP_REASON_NONE;
}

static __always_inline int judge(const struct context *c, const struct packet *p)
{
    struct catflap_flow_key key = {};
    struct catflap_flow *flow;
    __u64 now = 0;
    int unpoliced;

    make_flow_key(&key, p, c->direction, c->endpoint->slot);

    /*
     * What the node itself made has no ingress interface; what only looks so was forwarded, and has one. What came in
     * by the interface by which it goes out was sent by the pod to itself, through a Service: no policy keeps a pod
     * from itself.
     */
    unpoliced =
        c->direction == CATFLAP_TO_POD && (c->skb->ingress_ifindex == 0 || c->skb->ingress_ifindex == c->skb->ifindex);
    flow = bpf_map_lookup_elem(&flows, &key);
    if (flow) {
        now = now_ns();
        if (!flow_of_this_pod(flow, c->endpoint) || flow_expired(flow, (__u8)key.slot_protocol, now))
            flow = NULL;
    }

    /* ip6_fragment() makes new buffers without an ingress interface of what it forwards: those prove nothing. */
    if (p->ipv6 && p->fragment != FRAGMENT_NONE && c->skb->ingress_ifindex == 0)
        unpoliced = 0;
    if (unpoliced) {
        if (flow && p->kind == PACKET_ORDINARY && !opens_connection(p) && !is_anothers(p, flow, c->direction, 0)) {
            track(flow, p, c->direction, now);
            remember_recent(c, &key, p, flow);
            return pass(c, c->endpoint->slot, counted_rule(flow, c->endpoint));
        }
        if (flow)
            forget_copy(c, &key);
        if (p->kind == PACKET_ORDINARY)
            create_flow(c, &key, CATFLAP_OPENER_HOST, CATFLAP_RULE_NONE, p);
        return pass(c, c->endpoint->slot, CATFLAP_RULE_NONE);
    }
    if (!flow || is_new_connection(p, flow, c->direction) ||
        is_anothers(p, flow, c->direction, c->skb->ingress_ifindex)) {
        if (flow) /* what comes in its place has to be seen from its first packets on */
            forget_copy(c, &key);
        return judge_new(c, p, &key);
    }
    if (!flow_current(flow, c->endpoint)) {
        __u32 rule = CATFLAP_RULE_NONE;
        const int reason = judge_again(c, &key, flow, &rule);

        if (reason) {
            if (is_opener(flow, c->direction))
                flow->last_seen_ns = now;
            return drop(c, reason, rule);
        }
    }
    if (p->kind == PACKET_ORDINARY) {
        track(flow, p, c->direction, now);
        remember_recent(c, &key, p, flow);
    }
    return pass(c, c->endpoint->slot, counted_rule(flow, c->endpoint));
}

static __always_inline int process(struct __sk_buff *skb, enum catflap_direction direction)
{
    struct context c = {
        .skb = skb,
        .publication = find_publication(skb->ifindex),
        .direction = direction,
        .cpu = bpf_get_smp_processor_id(),
        .packets = skb->gso_segs ? skb->gso_segs : 1,
    };
    struct packet p = {.from_pod = direction == CATFLAP_FROM_POD};
    const struct catflap_recent_flow *recent = c.publication ? find_copy(&c) : NULL;
    int reason, verdict;

    if (recent)
        return pass(&c, recent->slot_protocol >> 8, recent->rule);
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

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
    return process(skb, CATFLAP_FROM_POD);
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
    return process(skb, CATFLAP_TO_POD);
}

/* The kernel offers some helpers to GPL-compatible programs only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
