/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file contains the verdict on a connection, by its opener and its ends before address translation. */
#ifndef CATFLAP_OPENED_H
#define CATFLAP_OPENED_H

#include "classify.h"
#include "conntrack.h"
#include "endpoint.h"

/*
 * Opened by the pod: judged by the address that it sent to; if that is a Service, by the backend that the connection
 * was given to, which may no longer be a backend of it. If the translated address is not a pod's, it is not certain
 * that a Service led there, and the address that the first packet was judged by counts, too.
 */
static __always_inline int judge_opened_by_pod(const struct catflap_table *table, const struct catflap_flow_key *key,
                                               struct connection *connection)
{
    const __u8 protocol = catflap_protocol_of(key->slot_protocol);
    int reason = classify(table, &key->remote, protocol, key->remote_port, &connection->cell);
    __u32 behind = 0;

    if (reason || table->open || !connection->far_known ||
        (same_address(&connection->far, &key->remote) && connection->far_port == key->remote_port))
        return reason;
    reason = classify(table, &connection->far, protocol, connection->far_port, &behind);
    if (behind & CATFLAP_CELL_ALLOW || !(connection->cell & CATFLAP_CELL_ALLOW) || pod_class(&connection->far))
        connection->cell = behind;
    return reason;
}

/*
 * Opened to the pod: a sender on this node is known by its interface, or if that was not seen, by its address before
 * masquerading. Any other sender is known by its source address.
 */
static __always_inline int judge_opened_to_pod(const struct catflap_table *table, const struct catflap_flow_key *key,
                                               struct connection *connection)
{
    const __u8 ipv6 = !is_ipv4_mapped(&key->remote);
    struct catflap_address remote = connection->far; /* on the stack: for kernel 6.1 an argument is no key */
    const struct catflap_address *sender;

    if (connection->sender_ifindex == CATFLAP_SENDER_UNKNOWN && connection->far_known)
        connection->sender_ifindex = interface_of(&remote);
    remote = key->remote;
    sender = sender_address(connection->sender_ifindex, ipv6);
    if (sender)
        remote = *sender;
    return classify(table, &remote, catflap_protocol_of(key->slot_protocol), key->local_port, &connection->cell);
}

/* Sets connection->cell, by the policies of the direction in which the connection was opened. Returns a reason. */
GLOBAL_FUNCTION int judge_opened(const struct catflap_endpoint_config *endpoint, const struct catflap_flow_key *key,
                                 struct connection *connection)
{
    if (!endpoint || !key || !connection)
        return CATFLAP_REASON_STATE;
    if (connection->opener == CATFLAP_OPENER_FROM_POD)
        return judge_opened_by_pod(&endpoint->tables[CATFLAP_FROM_POD], key, connection);
    if (connection->far_known && same_address(&connection->far, &endpoint->address[!is_ipv4_mapped(&key->remote)])) {
        connection->opener = CATFLAP_OPENER_HOST; /* the pod itself, through a Service: see is_unpoliced() */
        connection->cell = CATFLAP_CELL_ALLOW | CATFLAP_RULE_NONE;
        return CATFLAP_REASON_NONE;
    }
    return judge_opened_to_pod(&endpoint->tables[CATFLAP_TO_POD], key, connection);
}

#endif
