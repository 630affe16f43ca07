/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the verdict on TCP and UDP packets where nf_conntrack is the flow table: catflap keeps no state of
 * these connections, so no policy change has to find it, and nothing of it is ever evicted.
 *
 * A packet that its own direction's policies admit passes, whoever opened its connection. Of one that they do not
 * admit, nf_conntrack tells who opened the connection, and the present policies of the opener's direction decide. The
 * loader chooses this (catflap_tracked) where the kernel can be asked in both ways, kernel 6.2, and --established=keep
 * does not want state. The map `flows` serves the rest (judge_flow.h): ICMP echo, SCTP and other protocols, and what
 * the node itself opened to a pod.
 */
#ifndef CATFLAP_TRACKED_H
#define CATFLAP_TRACKED_H

#include "account.h"
#include "conntrack.h"
#include "fast_path.h"
#include "flow.h"
#include "judge_flow.h"
#include "opened.h"
#include "own_direction.h"

static __always_inline int is_tracked(const struct packet *p)
{
    return catflap_tracked && may_ask(p) && !saw_untracked();
}

/* True: this packet shows that a rule exempts packets of pods from nf_conntrack. Those of the node's own do not count.
 */
static __always_inline int notices_untracked(const struct context *c, const struct packet *p)
{
    if (c->direction != CATFLAP_TO_POD || p->kind != PACKET_ORDINARY || !c->sender_ifindex ||
        !is_untracked(tracking_word(c->skb)))
        return 0;
    catflap_untracked = 1;
    return 1;
}

/*
 * nf_conntrack sees few packets of a flow that takes the short way, and does not believe a RST whose sequence number it
 * does not expect: the entry would stay for five days. Other pods of the node cannot forge one.
 */
#define RESET_TIMEOUT_MS 10000

/*
 * What nf_conntrack would keep although it has ended: see above; and an entry that it picked up in the middle, where a
 * SYN begins another connection between the same ends. Without it the SYN is sent again, and seen as what it is.
 */
static __always_inline void correct_connection(const struct context *c, const struct packet *p)
{
    if (p->tcp_flags & TCP_RST) {
        if (catflap_redirects && c->sender_ifindex && find_publication(c->sender_ifindex))
            shorten_connection(c->skb, p, RESET_TIMEOUT_MS);
    } else if (opens_connection(p)) {
        const unsigned long word = tracking_word(c->skb);

        if (is_in_connection(word) && was_picked_up(word))
            shorten_connection(c->skb, p, 0);
    }
}

static __always_inline int pass_tracked(const struct context *c, const struct packet *p, __u32 rule)
{
    if (p->kind == PACKET_ORDINARY) {
        if (p->protocol == IPPROTO_TCP && p->tcp_flags & (TCP_FIN | TCP_RST))
            fast_flow_forget(c, p);
        else
            fast_flow_remember(c, p, rule, 0);
        if (c->direction == CATFLAP_TO_POD && p->protocol == IPPROTO_TCP)
            correct_connection(c, p);
        tell_tracked_flow(c, p, rule);
    }
    return pass(c, c->endpoint->slot, rule);
}

/*
 * Of a packet that its own direction does not admit. Returns a reason; NONE: the policies of the direction in which its
 * connection was opened admit it, and *cell is their decision.
 *
 * A SYN opens a connection of its own, but for a simultaneous open (RFC 9293, 3.5), where it answers a SYN.
 */
static __always_inline int judge_by_opener(const struct context *c, const struct packet *p,
                                           const struct catflap_flow_key *key, __u32 *cell)
{
    const int opens = p->kind == PACKET_ORDINARY && opens_connection(p);
    struct connection connection = {};
    int reason;

    if (c->direction == CATFLAP_TO_POD && p->kind == PACKET_ORDINARY) {
        const unsigned long word = tracking_word(c->skb);

        if (is_in_connection(word)) {
            const int is_reply = info_of(word) >= CT_INFO_REPLY;

            /* The other side opened it, which its own direction has judged by the real sender. */
            if (!is_reply && c->sender_ifindex)
                return CATFLAP_REASON_POLICY;
            if (is_reply && !opens && c->endpoint->tables[CATFLAP_FROM_POD].open) {
                if (p->protocol == IPPROTO_TCP && was_picked_up(word))
                    return CATFLAP_REASON_POLICY;
                *cell = CATFLAP_CELL_ALLOW | CATFLAP_RULE_NONE;
                return CATFLAP_REASON_NONE;
            }
        }
    }
    ask_conntrack(c->skb, p, &connection);
    if (!connection.known || connection.picked_up ||
        (opens && (connection.opener == c->direction || !connection.syn_only)))
        return CATFLAP_REASON_POLICY;
    if (c->direction == CATFLAP_TO_POD && connection.opener == CATFLAP_OPENER_TO_POD && c->sender_ifindex &&
        p->kind == PACKET_ORDINARY)
        return CATFLAP_REASON_POLICY; /* as above; an IPv6 fragment without an interface is known by its connection */
    reason = judge_opened(c->endpoint, key, &connection);
    if (reason)
        return reason;
    if (!(connection.cell & CATFLAP_CELL_ALLOW)) {
        if (connection.opener == c->direction)
            *cell = connection.cell;
        return CATFLAP_REASON_POLICY;
    }
    *cell = connection.cell;
    return CATFLAP_REASON_NONE;
}

/*
 * The pod's egress is isolated, its own direction admits the packet, and the packet opens nothing: if it belongs to a
 * connection that was translated (a Service), the backend counts that the connection was given to, see
 * judge_opened_by_pod().
 */
static __always_inline int judge_translated(const struct context *c, const struct packet *p,
                                            const struct catflap_flow_key *key, __u32 *cell)
{
    struct connection connection = {};
    int reason;

    ask_conntrack(c->skb, p, &connection);
    if (!connection.known || connection.opener != CATFLAP_OPENER_FROM_POD || !connection.far_known ||
        (same_address(&connection.far, &key->remote) && connection.far_port == key->remote_port))
        return CATFLAP_REASON_NONE;
    reason = judge_opened(c->endpoint, key, &connection);
    if (!reason)
        *cell = connection.cell;
    return reason;
}

/* Judged by its connection's flow, if that is the node's own; the policies of neither direction know the node. */
static __always_inline int answers_node(const struct context *c, const struct packet *p,
                                        const struct catflap_flow *flow)
{
    return flow && flow->opener == CATFLAP_OPENER_HOST && !is_new_connection(p, flow, c->direction) &&
           !is_mistaken_reply(c, p, flow);
}

/*
 * What the node opens gets a flow, by which the pod's answers pass. Also where the pod's egress is open: a policy may
 * isolate it while the connection lives. The answers do not come by the flow where their own direction admits them, so
 * nf_conntrack tells that there were some.
 */
static __always_inline void keep_flow_of_node(const struct context *c, const struct packet *p,
                                              const struct catflap_flow_key *key, int answered)
{
    __u64 now = 0;
    struct catflap_flow *flow = find_flow(c, key, &now);

    if (!flow || flow->opener != CATFLAP_OPENER_HOST || (opens_connection(p) && !answered))
        create_flow(c, key, CATFLAP_OPENER_HOST, CATFLAP_SENDER_UNKNOWN, CATFLAP_RULE_NONE, p);
    else
        track_answered(flow, key, p, answered, now);
}

/*
 * True: the pod itself may have asked for what the node sends untracked, such as a name server of the node does
 * (NodeLocal DNSCache): no flow is needed for what the pod sends, and one would outlive its permission.
 */
static __always_inline int pod_may_have_asked(const struct context *c, const struct packet *p,
                                              const struct catflap_flow_key *key)
{
    __u32 cell = 0;

    return !opens_connection(p) &&
           !classify_apart(&c->endpoint->tables[CATFLAP_FROM_POD], &key->remote, p->protocol, key->remote_port,
                           &cell) &&
           cell & CATFLAP_CELL_ALLOW;
}

static __always_inline int pass_node(const struct context *c, const struct packet *p,
                                     const struct catflap_flow_key *key)
{
    const unsigned long word = tracking_word(c->skb);
    struct catflap_flow *flow;
    __u64 now = 0;

    if (is_untracked(word) && p->kind == PACKET_ORDINARY && pod_may_have_asked(c, p, key))
        return pass_tracked(c, p, CATFLAP_RULE_NONE);
    if (is_in_connection(word) && p->kind == PACKET_ORDINARY) {
        if (info_of(word) < CT_INFO_REPLY)
            keep_flow_of_node(c, p, key, info_of(word) == CT_INFO_ESTABLISHED);
        return pass_tracked(c, p, CATFLAP_RULE_NONE);
    }
    flow = find_flow(c, key, &now);
    return pass_unpoliced(c, p, key, flow, now);
}

/*
 * Of a packet that is dropped. At to_pod nf_conntrack has confirmed its connection already: the entry would fill the
 * table, and make the pod's own packets to the same ends, which may be allowed, answers to a connection that is not. So
 * it has to expire at once.
 */
static __always_inline int begins_connection(const struct context *c, const struct packet *p)
{
    unsigned long word;

    if (c->direction != CATFLAP_TO_POD || p->kind != PACKET_ORDINARY)
        return 0;
    word = tracking_word(c->skb);
    return is_in_connection(word) && info_of(word) == CT_INFO_NEW;
}

/* key: of the packet, or of the one that it quotes. */
static __always_inline int judge_tracked(const struct context *c, const struct packet *p,
                                         const struct catflap_flow_key *key)
{
    __u32 cell = 0;
    int reason;

    if (is_unpoliced(c, p))
        return pass_node(c, p, key);
    reason = judge_own_direction(c, p, &cell);
    if (reason)
        return drop(c, reason, CATFLAP_RULE_NONE);
    if (!(cell & CATFLAP_CELL_ALLOW)) {
        if (c->direction == CATFLAP_FROM_POD) {
            __u64 now = 0;
            struct catflap_flow *flow = find_flow(c, key, &now);

            if (answers_node(c, p, flow))
                return pass_by_flow(c, p, key, flow, now);
        }
        reason = judge_by_opener(c, p, key, &cell);
    } else if (c->direction == CATFLAP_FROM_POD && !c->endpoint->tables[CATFLAP_FROM_POD].open &&
               p->kind == PACKET_ORDINARY && !opens_connection(p)) {
        reason = judge_translated(c, p, key, &cell);
    }
    if (!reason && !(cell & CATFLAP_CELL_ALLOW))
        reason = CATFLAP_REASON_POLICY;
    if (!reason)
        return pass_tracked(c, p, cell & CATFLAP_CELL_RULE);
    if (reason == CATFLAP_REASON_POLICY && begins_connection(c, p) && !catflap_audit)
        shorten_connection(c->skb, p, 0);
    return drop(c, reason, reason == CATFLAP_REASON_POLICY ? cell & CATFLAP_CELL_RULE : CATFLAP_RULE_NONE);
}

#endif
