/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file contains what gives a later fragment the ports of its datagram: the first fragment leaves them here. */
#ifndef CATFLAP_FRAGMENT_H
#define CATFLAP_FRAGMENT_H

#include "flow.h"

/* No stack waits longer for the rest of a datagram: net.ipv4.ipfrag_time; IPv6 60 s (RFC 8200, 4.5). */
#define FRAGMENT_TIMEOUT_NS (60 * SECOND_NS)

static __always_inline void make_fragment_key(struct catflap_fragment_key *key, const struct packet *p,
                                              enum catflap_direction direction, __u32 slot)
{
    key->remote = direction == CATFLAP_FROM_POD ? p->destination : p->source;
    key->id_be = p->fragment_id_be;
    key->slot_protocol = slot << 8 | p->protocol;
    key->direction = direction;
}

/* Called for first fragments that passed. */
static __always_inline void remember_fragment(const struct packet *p, enum catflap_direction direction, __u32 slot)
{
    struct catflap_fragment_key key = {};
    struct catflap_fragment value = {
        .first_seen_ns = now_ns(),
        .source_port = p->ports.source_port,
        .destination_port = p->ports.destination_port,
    };

    make_fragment_key(&key, p, direction, slot);
    bpf_map_update_elem(&fragments, &key, &value, BPF_ANY);
}

/* Fills the ports of a later fragment. False: its first fragment did not pass here. */
static __always_inline int recall_fragment(struct packet *p, enum catflap_direction direction, __u32 slot)
{
    struct catflap_fragment_key key = {};
    const struct catflap_fragment *value;

    make_fragment_key(&key, p, direction, slot);
    value = bpf_map_lookup_elem(&fragments, &key);
    if (!value || now_ns() - value->first_seen_ns > FRAGMENT_TIMEOUT_NS)
        return 0;
    p->ports.source_port = value->source_port;
    p->ports.destination_port = value->destination_port;
    return 1;
}

#endif
