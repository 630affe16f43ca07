/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the verdict by the flow cache: by the packet's flow, or without a flow by the policies of the
 * direction in which its connection was opened. See judge.h for which packets that is.
 */
#ifndef CATFLAP_JUDGE_FLOW_H
#define CATFLAP_JUDGE_FLOW_H

#include "account.h"
#include "classify.h"
#include "conntrack.h"
#include "endpoint.h"
#include "flow.h"
#include "fast_path.h"
#include "opened.h"
#include "own_direction.h"

static __always_inline void create_flow(const struct context *c, const struct catflap_flow_key *key, __u8 opener,
                                        __u32 sender_ifindex, __u32 rule, const struct packet *p)
{
    struct catflap_flow flow = {
        .last_seen_ns = now_ns(),
        .generation = c->endpoint->generation,
        .rule = rule,
        .opener = opener,
        .sender_ifindex = opener == CATFLAP_OPENER_FROM_POD ? CATFLAP_SENDER_UNKNOWN : sender_ifindex,
        /* Not a SYN: the connection's flow was evicted, or the connection is older than the datapath. */
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
 * A TCP packet in the middle of a connection without a flow, or a UDP packet that its own direction does not allow.
 * nf_conntrack is asked who opened the connection, and only its answer creates a flow. To take the packet's sender for
 * the opener would allow the replies of the other side, which a policy may have forbidden in the meantime.
 * cell: the decision of the packet's own direction, as if it opened a connection.
 */
static __always_inline int judge_unknown(const struct context *c, const struct packet *p,
                                         const struct catflap_flow_key *key, __u32 cell)
{
    struct connection connection = {
        .sender_ifindex = c->direction == CATFLAP_TO_POD ? c->sender_ifindex : CATFLAP_SENDER_UNKNOWN,
    };
    struct catflap_health *h;
    int reason;

    if (may_ask(p))
        ask_conntrack(c->skb, p, &connection);
    if (connection.known) {
        if (connection.opener != c->direction)
            connection.sender_ifindex = CATFLAP_SENDER_UNKNOWN;
        reason = judge_opened(c->endpoint, key, &connection);
        if (reason)
            return drop(c, reason, CATFLAP_RULE_NONE);
        if (connection.cell & CATFLAP_CELL_ALLOW) {
            create_flow(c, key, connection.opener, connection.sender_ifindex, connection.cell & CATFLAP_CELL_RULE, p);
            h = health();
            if (h)
                h->flows_recovered++;
            return pass(c, c->endpoint->slot, connection.cell & CATFLAP_CELL_RULE);
        }
        if (connection.opener == c->direction)
            cell = connection.cell;
    }
    if (!(cell & CATFLAP_CELL_ALLOW))
        return drop(c, CATFLAP_REASON_POLICY, cell & CATFLAP_CELL_RULE);
    return pass(c, c->endpoint->slot, cell & CATFLAP_CELL_RULE);
}

/* Without a valid flow the packet's own direction decides, by address, protocol and destination port. */
static __always_inline int judge_new(const struct context *c, const struct packet *p,
                                     const struct catflap_flow_key *key)
{
    __u32 cell = 0;
    const int reason = judge_own_direction(c, p, &cell);

    if (reason)
        return drop(c, reason, CATFLAP_RULE_NONE);
    if (p->kind == PACKET_ORDINARY && ((p->protocol == IPPROTO_TCP && !opens_connection(p)) ||
                                       (p->protocol == IPPROTO_UDP && !(cell & CATFLAP_CELL_ALLOW))))
        return judge_unknown(c, p, key, cell);
    if (!(cell & CATFLAP_CELL_ALLOW))
        return drop(c, CATFLAP_REASON_POLICY, cell & CATFLAP_CELL_RULE);
    /* An ICMP error is no connection, and creates no flow. */
    if (p->kind != PACKET_ICMP_ERROR)
        create_flow(c, key, c->direction, c->sender_ifindex, cell & CATFLAP_CELL_RULE, p);
    if (p->kind == PACKET_ORDINARY)
        tell_flow(c, p, cell & CATFLAP_CELL_RULE);
    return pass(c, c->endpoint->slot, cell & CATFLAP_CELL_RULE);
}

/*
 * Judges a stale flow again, in the direction in which it was opened. If it is no longer allowed, its entry stays,
 * stale: without an entry the next packet of the other side would belong to an unknown connection. UDP has no SYN, so
 * there nf_conntrack's word on the opener outweighs the flow's.
 *
 * The new verdict is stored by key, not through `flow`: an LRU map reuses evicted elements at once, so that element may
 * belong to another flow by now, which has not been judged.
 */
static __always_inline int judge_again(const struct context *c, const struct packet *p,
                                       const struct catflap_flow_key *key, const struct catflap_flow *flow, __u32 *rule)
{
    struct catflap_flow judged = *flow;
    struct connection connection = {};
    struct catflap_health *h = health();
    int reason;

    if (h)
        h->flows_judged_again++;
    if (may_ask(p))
        ask_conntrack(c->skb, p, &connection);
    if (connection.known && connection.opener != judged.opener) {
        if (catflap_protocol_of(key->slot_protocol) == IPPROTO_UDP)
            judged.sender_ifindex = CATFLAP_SENDER_UNKNOWN;
        else
            connection.known = connection.far_known = 0;
    }
    if (!connection.known)
        connection.opener = opening_direction(judged.opener);
    connection.sender_ifindex = judged.sender_ifindex;
    reason = judge_opened(c->endpoint, key, &connection);
    if (reason)
        return reason;
    *rule = connection.cell & CATFLAP_CELL_RULE;
    if (!(connection.cell & CATFLAP_CELL_ALLOW))
        return CATFLAP_REASON_POLICY;
    judged.rule = *rule;
    judged.generation = c->endpoint->generation;
    judged.opener = connection.opener;
    judged.sender_ifindex = connection.sender_ifindex;
    bpf_map_update_elem(&flows, key, &judged, BPF_EXIST);
    return CATFLAP_REASON_NONE;
}

/* True: nf_conntrack knows that `opener` opened the packet's connection. */
static __always_inline int was_opened_by(const struct context *c, const struct packet *p, __u8 opener)
{
    struct connection connection = {};

    if (may_ask(p))
        ask_conntrack(c->skb, p, &connection);
    return connection.known && connection.opener == opener;
}

/*
 * UDP has no SYN: if the flow of a request was evicted, its answer may have created a flow with the wrong opener.
 * Before the first packet passes as a reply of such a flow, nf_conntrack is asked who really opened the exchange.
 */
static __always_inline int is_mistaken_reply(const struct context *c, const struct packet *p,
                                             const struct catflap_flow *flow)
{
    return p->kind == PACKET_ORDINARY && p->protocol == IPPROTO_UDP && flow->state == CATFLAP_FLOW_OPENING &&
           !is_opener(flow, c->direction) &&
           (flow->opener == CATFLAP_OPENER_HOST || !c->endpoint->tables[c->direction].open) &&
           was_opened_by(c, p, c->direction);
}

/* Of a flow that is current. A closing connection may be replaced by another one at any time. */
static __always_inline void remember_established(const struct context *c, const struct packet *p,
                                                 const struct catflap_flow *flow)
{
    if (flow->state != CATFLAP_FLOW_ESTABLISHED || !flow_current(flow, c->endpoint))
        fast_flow_forget(c, p);
    else if (p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP)
        fast_flow_remember(c, p, counted_rule(flow, c->endpoint), 0);
}

static __always_inline int pass_by_flow(const struct context *c, const struct packet *p,
                                        const struct catflap_flow_key *key, struct catflap_flow *flow, __u64 now)
{
    if (p->kind == PACKET_ORDINARY) {
        track(flow, key, p, c->direction, now);
        remember_established(c, p, flow);
    }
    return pass(c, c->endpoint->slot, counted_rule(flow, c->endpoint));
}

/* The packet passes. But the node's reply must not turn a connection that the pod opened into the node's own. */
static __always_inline int pass_unpoliced(const struct context *c, const struct packet *p,
                                          const struct catflap_flow_key *key, struct catflap_flow *flow, __u64 now)
{
    if (flow && p->kind == PACKET_ORDINARY && !opens_connection(p) && !from_other_sender(p, flow, c->direction, 0)) {
        return pass_by_flow(c, p, key, flow, now);
    }
    if (flow)
        fast_flow_forget(c, p);
    if (p->kind == PACKET_ORDINARY &&
        (p->protocol != IPPROTO_TCP || opens_connection(p) || was_opened_by(c, p, CATFLAP_OPENER_TO_POD))) {
        create_flow(c, key, CATFLAP_OPENER_HOST, CATFLAP_SENDER_UNKNOWN, CATFLAP_RULE_NONE, p);
        tell_flow(c, p, CATFLAP_RULE_NONE);
    }
    return pass(c, c->endpoint->slot, CATFLAP_RULE_NONE);
}

/* The packet's flow, if it is valid; else NULL. */
static __always_inline struct catflap_flow *find_flow(const struct context *c, const struct catflap_flow_key *key,
                                                      __u64 *now)
{
    struct catflap_flow *flow = bpf_map_lookup_elem(&flows, key);

    if (!flow)
        return NULL;
    *now = now_ns();
    if (!flow_of_this_pod(flow, c->endpoint) ||
        catflap_flow_expired(flow, catflap_protocol_of(key->slot_protocol), *now))
        return NULL;
    return flow;
}

static __always_inline int judge_by_flow(const struct context *c, const struct packet *p,
                                         const struct catflap_flow_key *key)
{
    struct catflap_flow *flow;
    __u64 now = 0;

    flow = find_flow(c, key, &now);
    if (is_unpoliced(c, p))
        return pass_unpoliced(c, p, key, flow, now);
    if (!flow || is_new_connection(p, flow, c->direction) ||
        from_other_sender(p, flow, c->direction, c->sender_ifindex) || is_mistaken_reply(c, p, flow)) {
        if (flow) /* the first packets of the flow that replaces it must take the slow path */
            fast_flow_forget(c, p);
        return judge_new(c, p, key);
    }
    if (!flow_current(flow, c->endpoint)) {
        __u32 rule = CATFLAP_RULE_NONE;
        const int reason = judge_again(c, p, key, flow, &rule);

        if (reason) {
            if (is_opener(flow, c->direction))
                flow->last_seen_ns = now;
            return drop(c, reason, rule);
        }
        flow = bpf_map_lookup_elem(&flows, key); /* the element has changed; NULL: evicted in the meantime */
        if (!flow)
            return pass(c, c->endpoint->slot, rule);
    }
    return pass_by_flow(c, p, key, flow, now);
}

#endif
