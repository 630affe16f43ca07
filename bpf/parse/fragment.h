/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file gives later fragments the ports of their datagram, which the first fragment has stored. */
#ifndef CATFLAP_FRAGMENT_H
#define CATFLAP_FRAGMENT_H

#include "../account.h"
#include "../flow.h"

/* How long a stack waits for the rest of a datagram: net.ipv4.ipfrag_time, 30 s; IPv6 60 s (RFC 8200, 4.5). */
#define FRAGMENT_TIMEOUT_NS (60 * CATFLAP_SECOND_NS)

static __always_inline void make_fragment_key(struct catflap_fragment_key *key, const struct packet *p,
                                              enum catflap_direction direction, __u32 slot)
{
    key->remote = direction == CATFLAP_FROM_POD ? p->destination : p->source;
    key->id_be = p->fragment_id_be;
    /* RFC 791: the protocol is part of a datagram's identity. RFC 8200, 4.5: it is not, and later fragments lack it. */
    key->slot_protocol = catflap_slot_protocol(slot, p->ipv6 ? IPPROTO_FRAGMENT : p->protocol);
    key->direction = direction;
}

/* For first fragments that passed. */
static __always_inline void remember_fragment(const struct packet *p, enum catflap_direction direction, __u32 slot)
{
    struct catflap_fragment_key key = {};
    struct catflap_fragment value = {
        .first_seen_ns = now_ns(),
        .source_port = p->ports.source_port,
        .destination_port = p->ports.destination_port,
        .header_bytes = (__u16)p->fragment_border,
        .protocol = p->protocol,
    };

    struct catflap_health *h;

    make_fragment_key(&key, p, direction, slot);
    if (!bpf_map_update_elem(&fragments, &key, &value, BPF_ANY))
        return;
    h = health();
    if (h)
        h->fragment_insert_failures++;
}

/*
 * Sets protocol and ports of a later fragment. Returns CATFLAP_REASON_FRAGMENT if no first fragment has passed, and
 * CATFLAP_REASON_FRAGMENT_OVERLAP if it would overwrite the headers that the first one was judged by.
 */
static __always_inline int recall_fragment(struct packet *p, enum catflap_direction direction, __u32 slot)
{
    struct catflap_fragment_key key = {};
    const struct catflap_fragment *value;

    make_fragment_key(&key, p, direction, slot);
    value = bpf_map_lookup_elem(&fragments, &key);
    if (!value || now_ns() - value->first_seen_ns > FRAGMENT_TIMEOUT_NS)
        return CATFLAP_REASON_FRAGMENT;
    if (p->fragment_border < value->header_bytes)
        return CATFLAP_REASON_FRAGMENT_OVERLAP;
    p->protocol = value->protocol;
    p->ports.source_port = value->source_port;
    p->ports.destination_port = value->destination_port;
    return CATFLAP_REASON_NONE;
}

#endif
