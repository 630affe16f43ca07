/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file contains what a packet's own direction says of it, whatever connection it belongs to. */
#ifndef CATFLAP_OWN_DIRECTION_H
#define CATFLAP_OWN_DIRECTION_H

#include "classify.h"
#include "context.h"
#include "endpoint.h"

/*
 * Packets that the node itself sends have no ingress interface; forwarded ones do, whatever their source address. A
 * packet that leaves by the interface that it came in by was sent by the pod to itself, through a Service, and no
 * policy applies to that. ip6_fragment() puts forwarded packets into new buffers without an ingress interface, so for
 * IPv6 fragments a missing one proves nothing.
 */
static __always_inline int is_unpoliced(const struct context *c, const struct packet *p)
{
    if (c->direction != CATFLAP_TO_POD)
        return 0;
    if (c->sender_ifindex == 0)
        return !p->ipv6 || p->fragment == FRAGMENT_NONE;
    return c->sender_ifindex == c->skb->ifindex;
}

/* The decision of the packet's own direction, as if it opened a connection. */
static __always_inline int judge_own_direction(const struct context *c, const struct packet *p, __u32 *cell)
{
    struct catflap_address remote = c->direction == CATFLAP_FROM_POD ? p->destination : p->source;
    const __u16 port = p->kind == PACKET_ICMP_ERROR ? 0 : p->ports.destination_port;

    if (c->direction == CATFLAP_TO_POD && !c->endpoint->tables[CATFLAP_TO_POD].open) {
        const struct catflap_address *sender = sender_address(c->sender_ifindex, p->ipv6);

        if (sender)
            remote = *sender;
    }
    return classify_apart(&c->endpoint->tables[c->direction], &remote, p->protocol, port, cell);
}

#endif
