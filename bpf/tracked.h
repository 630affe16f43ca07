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

static __always_inline int pass_tracked(const struct context *c, const struct packet *p, __u32 rule)
{
    if (p->kind == PACKET_ORDINARY) {
        if (p->protocol == IPPROTO_TCP && p->tcp_flags & (TCP_FIN | TCP_RST))
            fast_flow_forget(c, p);
        else
            fast_flow_remember(c, p, rule);
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
            const int is_reply = (word & CT_INFO_MASK) >= CT_INFO_REPLY;

            /* The other side opened it, which its own direction has judged by the real sender. */
            if (!is_reply && c->skb->ingress_ifindex) {
                if ((word & CT_INFO_MASK) == CT_INFO_NEW && !catflap_audit)
                    end_connection(c->skb, p);
                return CATFLAP_REASON_POLICY;
            }
            if (is_reply && !opens && c->endpoint->tables[CATFLAP_FROM_POD].open) {
                *cell = CATFLAP_CELL_ALLOW | CATFLAP_RULE_NONE;
                return CATFLAP_REASON_NONE;
            }
        }
    }
    ask_conntrack(c->skb, p, &connection);
    if (!connection.known || (opens && (connection.opener == c->direction || !connection.syn_only)))
        return CATFLAP_REASON_POLICY;
    if (c->direction == CATFLAP_TO_POD && connection.opener == CATFLAP_OPENER_TO_POD && c->skb->ingress_ifindex &&
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
 * isolate it while the connection lives.
 */
static __always_inline int pass_node(const struct context *c, const struct packet *p,
                                     const struct catflap_flow_key *key)
{
    const unsigned long word = tracking_word(c->skb);
    struct catflap_flow *flow;
    __u64 now = 0;

    if (is_in_connection(word) && (word & CT_INFO_MASK) >= CT_INFO_REPLY)
        return pass_tracked(c, p, CATFLAP_RULE_NONE); /* the node answers the pod */
    flow = find_flow(c, key, &now);
    return pass_unpoliced(c, p, key, flow, now);
}

/* key: of the packet, or of the one that it quotes. */
static __always_inline int judge_tracked(const struct context *c, const struct packet *p,
                                         const struct catflap_flow_key *key)
{
    __u32 cell = 0;
    int reason;

    if (is_unpoliced(c, p))
        return pass_node(c, p, key);
    if (c->direction == CATFLAP_TO_POD && p->kind == PACKET_ORDINARY && is_untracked(tracking_word(c->skb)))
        catflap_untracked = 1;
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
    if (reason)
        return drop(c, reason, reason == CATFLAP_REASON_POLICY ? cell & CATFLAP_CELL_RULE : CATFLAP_RULE_NONE);
    return pass_tracked(c, p, cell & CATFLAP_CELL_RULE);
}

#endif
