/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the short way: the connections that this CPU saw a moment ago, in a direct-mapped array, and the
 * packets that pass by them. A plain packet in the middle of such a connection needs neither the parser nor the
 * endpoint's config nor the lookup in `flows`, which cost more than all the rest of its way.
 *
 * What stands here is a copy, and may be CATFLAP_COPY_JIFFIES old: 25 ms where a tick is 1 ms (HZ 1000), 100 ms where
 * it is 4 (HZ 250, as most distributions have it), 250 ms at HZ 100. Another CPU may have seen the connection's end
 * meanwhile; and the entry in `flows` is not touched, so a busy flow may look that much older to the eviction than it
 * is. No verdict hangs on that. A copy is written after the whole way only, of an allowed flow, together with the
 * publication under which it passed: every change of policy, labels or pod makes another one, and takes effect with
 * the next packet. What the whole way asks of every packet anew is asked here too, or there is no copy of such a flow:
 * see may_be_remembered().
 *
 * An entry is written and read by one CPU only, and the programs run with softirqs off: one never interrupts another.
 * Where that does not hold (PREEMPT_RT), two writers could mix two flows into one entry, so there are no copies there:
 * the loader clears catflap_copy_jiffies.
 */
#ifndef CATFLAP_RECENT_H
#define CATFLAP_RECENT_H

#include "account.h"
#include "flow.h"
#include "maps.h"
#include "plain.h"

/* Whoever makes others' flows fall into one place slows them down to what they cost without this file. */
static __always_inline struct catflap_recent_flow *
recent_place(const struct context *c, const struct catflap_address *remote, __u16 local_port, __u16 remote_port)
{
    const __u64 high = (__u64)remote->word_be[0] << 32 | remote->word_be[1];
    const __u64 ports = (__u32)local_port << 16 | remote_port;
    const __u64 low = (__u64)remote->word_be[3] << 32 | ports;
    const __u64 mixed = (high ^ remote->word_be[2] ^ c->publication) * 0x165667b19e3779f9ULL ^ low;
    __u32 index = c->cpu * CATFLAP_RECENT_FLOWS;

    index += (__u32)((mixed ^ mixed >> 32) * 0x9e3779b97f4a7c15ULL >> 32) & (CATFLAP_RECENT_FLOWS - 1);
    return bpf_map_lookup_elem(&recent_flows, &index);
}

/* The packet's copy; NULL: there is none, and nothing is known of the packet. */
static __always_inline const struct catflap_recent_flow *copy_of(const struct context *c, const struct plain_packet *p)
{
    const struct catflap_recent_flow *recent = recent_place(c, &p->remote, p->local_port, p->remote_port);

    if (!recent || !same_address(&recent->remote, &p->remote) || !same_address(&recent->local, &p->local) ||
        recent->local_port != p->local_port || recent->remote_port != p->remote_port ||
        catflap_protocol_of(recent->slot_protocol) != p->protocol || recent->publication != c->publication ||
        bpf_jiffies64() - recent->seen_jiffies >= catflap_copy_jiffies)
        return NULL;
    /* See is_anothers(). */
    if (c->direction == CATFLAP_TO_POD && recent->sender_ifindex && recent->sender_ifindex != c->skb->ingress_ifindex)
        return NULL;
    return recent;
}

/* The copy by which the packet passes, or NULL. Sets c->bytes. */
static __always_inline const struct catflap_recent_flow *find_copy(struct context *c)
{
    const __be16 ethertype = plain_ethertype(c->skb);
    struct plain_packet p;

    if (!catflap_copy_jiffies)
        return NULL;
    if (ethertype == bpf_htons(ETH_P_IP))
        return parse_plain_ipv4(c, &p) ? copy_of(c, &p) : NULL;
    if (ethertype == bpf_htons(ETH_P_IPV6))
        return parse_plain_ipv6(c, &p) ? copy_of(c, &p) : NULL;
    return NULL;
}

/*
 * Not what is open to question with every packet: whether it is stale; of what comes from the pod, the sender and what
 * encapsulates (check_sender); of the node's own connections, all but TCP's (is_anothers).
 */
static __always_inline int may_be_remembered(const struct context *c, const struct catflap_flow_key *key,
                                             const struct catflap_address *local, const struct catflap_flow *flow)
{
    const struct catflap_address unspecified = {};
    const __u8 protocol = catflap_protocol_of(key->slot_protocol);

    if (!catflap_copy_jiffies || flow->state != CATFLAP_FLOW_ESTABLISHED || !flow_current(flow, c->endpoint) ||
        same_address(local, &unspecified) || !same_address(local, &c->endpoint->address[!is_ipv4_mapped(local)]))
        return 0;
    if (protocol == IPPROTO_TCP)
        return 1;
    return protocol == IPPROTO_UDP && flow->opener != CATFLAP_OPENER_HOST && !is_tunnel_port(key->remote_port);
}

/* The flow is not what it was, or is another one of the same ends. */
static __always_inline void forget_copy(const struct context *c, const struct catflap_flow_key *key)
{
    struct catflap_recent_flow *recent = recent_place(c, &key->remote, key->local_port, key->remote_port);

    if (recent && same_address(&recent->remote, &key->remote) && recent->local_port == key->local_port &&
        recent->remote_port == key->remote_port && recent->slot_protocol == key->slot_protocol)
        recent->publication = 0;
}

/* After the whole way of an ordinary packet: its flow as it is now. */
static __always_inline void remember_recent(const struct context *c, const struct catflap_flow_key *key,
                                            const struct packet *p, const struct catflap_flow *flow)
{
    const struct catflap_address *local = c->direction == CATFLAP_FROM_POD ? &p->source : &p->destination;
    struct catflap_recent_flow *recent;

    if (!may_be_remembered(c, key, local, flow)) {
        forget_copy(c, key);
        return;
    }
    recent = recent_place(c, &key->remote, key->local_port, key->remote_port);
    if (!recent)
        return;
    /* Publication 0 matches nothing: no reader takes an entry for a copy that is written only in part. */
    *(volatile __u32 *)&recent->publication = 0;
    barrier();
    recent->remote = key->remote;
    recent->local = *local;
    recent->local_port = key->local_port;
    recent->remote_port = key->remote_port;
    recent->slot_protocol = key->slot_protocol;
    recent->rule = counted_rule(flow, c->endpoint);
    recent->sender_ifindex =
        catflap_protocol_of(key->slot_protocol) != IPPROTO_TCP && flow->opener == CATFLAP_OPENER_TO_POD
            ? flow->sender_ifindex
            : 0;
    recent->seen_jiffies = bpf_jiffies64();
    barrier();
    *(volatile __u32 *)&recent->publication = c->publication;
}

#endif
