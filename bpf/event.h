/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tells the agent of single packets, drops and the first ones of flows, while somebody listens (`catflap monitor`).
 *
 * While nobody does, that costs a load and a branch for each drop and for each packet of the slow path; the fast path
 * has none of it. While somebody does, an endpoint has a token bucket, so that a flood costs one clock and one lookup
 * for each packet: what is beyond it, or finds the ring full, is counted as lost. Nobody is woken up: the agent looks
 * several times a second. The switch turns itself off when it was not renewed, as by an agent that was killed.
 */
#ifndef CATFLAP_EVENT_BPF_H
#define CATFLAP_EVENT_BPF_H

#include <catflap/event.h>

#include "conntrack.h"
#include "context.h"
#include "flow.h"
#include "maps.h"
#include "parse/packet.h"

/* Written by the agent through the mapping of .bss. */
__u32 catflap_listening = 0;          /* bits, CATFLAP_LISTEN_... */
__u64 catflap_listening_until_ns = 0; /* CLOCK_MONOTONIC */

static __always_inline int is_told(__u32 what)
{
    return (*(const volatile __u32 *)&catflap_listening & what) != 0;
}

/*
 * A token bucket as a virtual schedule (GCRA, ITU-T I.371): one word, the time at which the next event is due. Two CPUs
 * may both take the last token. What is refused writes nothing, so under a flood the word stays in every CPU's cache.
 */
static __always_inline int bucket_admits(__u32 bucket, __u64 now)
{
    const __u64 most = (CATFLAP_EVENT_BURST - 1) * (__u64)CATFLAP_EVENT_INTERVAL_NS;
    __u64 *due_ns = bpf_map_lookup_elem(&event_buckets, &bucket);
    __u64 due;

    if (!due_ns)
        return 0;
    due = *(const volatile __u64 *)due_ns;
    if (due > now + most)
        return 0;
    *(volatile __u64 *)due_ns = (due > now ? due : now) + CATFLAP_EVENT_INTERVAL_NS;
    return 1;
}

static __always_inline struct catflap_event_losses *event_loss(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&event_losses, &zero);
}

/* True: somebody listens, and the endpoint has its share left. */
static __always_inline int may_tell(__u32 slot, __u32 reason)
{
    const __u64 now = now_ns();
    struct catflap_event_losses *losses;

    if (now > *(const volatile __u64 *)&catflap_listening_until_ns)
        return 0;
    if (bucket_admits(catflap_event_bucket(slot, reason == CATFLAP_REASON_NONE), now))
        return 1;
    losses = event_loss();
    if (losses)
        losses->limited++;
    return 0;
}

static __always_inline void count_full(void)
{
    struct catflap_event_losses *losses = event_loss();

    if (losses)
        losses->full++;
}

/* What an event is about, in one argument. */
#define EVENT_KIND(reason, direction, uplink) ((reason) | (direction) << 8 | (uplink) << 16)

static __always_inline void fill_event(struct catflap_event *event, const struct packet *p, __u32 kind, __u32 rule,
                                       __u32 slot)
{
    event->at_ns = bpf_ktime_get_ns();
    event->rule = rule;
    event->slot = slot;
    event->source = p->source;
    event->destination = p->destination;
    event->source_port = p->ports.source_port;
    event->destination_port = p->ports.destination_port;
    event->ip_bytes = p->ip_bytes;
    event->protocol = p->protocol;
    event->tcp_flags = p->tcp_flags;
    event->reason = (__u8)kind;
    event->direction = (__u8)(kind >> 8);
    event->uplink = (__u8)(kind >> 16);
    event->pad = 0;
    event->head_bytes = 0;
}

/*
 * How much of the frame goes along. 0 < frame_bytes. Says so in a way that every verifier follows: a comparison, which
 * the compiler may make about another register, is lost on that of 6.1.
 */
static __always_inline __u64 bytes_of_head(__u32 frame_bytes)
{
    __u64 more = (frame_bytes < CATFLAP_EVENT_HEAD_BYTES ? frame_bytes : CATFLAP_EVENT_HEAD_BYTES) - 1;

    barrier_var(more);
    return (more & (CATFLAP_EVENT_HEAD_BYTES - 1)) + 1;
}

static __always_inline int wants_head(__u32 frame_bytes)
{
    return frame_bytes && is_told(CATFLAP_LISTEN_HEADS);
}

/*
 * Functions of their own, and global ones: the verifier looks at them once, and their stack is not their callers'.
 * Return nothing of interest.
 */
GLOBAL_FUNCTION int tell_event(struct __sk_buff *skb, const struct packet *p, __u32 kind, __u32 rule, __u32 slot)
{
    struct catflap_event *event;
    __u64 bytes;

    if (!p || !may_tell(slot, (__u8)kind))
        return 0;
    event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
    if (!event) { /* asked once: that of 6.1 does not know the second time that it is there */
        count_full();
        return 0;
    }
    fill_event(event, p, kind, rule, slot);
    event->ifindex = skb->ifindex;
    event->sender_ifindex = skb->ingress_ifindex;
    event->packets = skb->gso_segs ? skb->gso_segs : 1;
    event->frame_bytes = skb->len;
    if (wants_head(skb->len)) {
        bytes = bytes_of_head(skb->len);
        if (!bpf_skb_load_bytes(skb, 0, event->head, bytes))
            event->head_bytes = (__u16)bytes;
    }
    bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
    return 0;
}

/* bpf_xdp_load_bytes: kernel 5.18, older than what early drop needs. */
GLOBAL_FUNCTION int tell_event_of_frame(struct xdp_md *frame, const struct packet *p, __u32 kind, __u32 rule,
                                        __u32 slot)
{
    struct catflap_event *event;
    __u64 bytes;

    if (!p || !may_tell(slot, (__u8)kind))
        return 0;
    event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
    if (!event) { /* asked once: that of 6.1 does not know the second time that it is there */
        count_full();
        return 0;
    }
    fill_event(event, p, kind, rule, slot);
    event->ifindex = event->sender_ifindex = frame->ingress_ifindex;
    event->packets = 1;
    event->frame_bytes = frame->data_end - frame->data;
    if (wants_head(event->frame_bytes)) {
        bytes = bytes_of_head(event->frame_bytes);
        if (!bpf_xdp_load_bytes(frame, 0, event->head, bytes))
            event->head_bytes = (__u16)bytes;
    }
    bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
    return 0;
}

static __always_inline void tell_drop(const struct context *c, __u32 reason, __u32 rule)
{
    const __u32 slot = c->endpoint ? c->endpoint->slot : CATFLAP_EVENT_NO_SLOT;

    if (!is_told(CATFLAP_LISTEN_DROPS) || !c->packet)
        return;
    if (c->frame)
        tell_event_of_frame(c->frame, c->packet, EVENT_KIND(reason, c->direction, 1), rule, slot);
    else
        tell_event(c->skb, c->packet, EVENT_KIND(reason, c->direction, c->at_uplink), rule, slot);
}

/*
 * Where nf_conntrack is the flow table: the packet is the first one, or one before there was an answer. At from_pod
 * nf_conntrack has not seen it yet, so what it does not know is new. What is untracked has no flow.
 */
GLOBAL_FUNCTION int tell_if_new(struct __sk_buff *skb, const struct packet *p, __u32 kind, __u32 rule, __u32 slot)
{
    struct connection connection = {};

    if (!catflap_tracked || !p)
        return 0;
    if (p->protocol == IPPROTO_TCP) {
        if (!opens_connection(p))
            return 0;
    } else if (p->from_pod) {
        ask_conntrack(skb, p, &connection);
        if (connection.known)
            return 0;
    } else {
        const unsigned long word = tracking_word(skb);

        if (!is_in_connection(word) || info_of(word) != CT_INFO_NEW)
            return 0;
    }
    return tell_event(skb, p, kind, rule, slot);
}

/* A flow that passes begins, by the flow cache. */
static __always_inline void tell_flow(const struct context *c, const struct packet *p, __u32 rule)
{
    if (is_told(CATFLAP_LISTEN_FLOWS))
        tell_event(c->skb, p, EVENT_KIND(CATFLAP_REASON_NONE, c->direction, 0), rule, c->endpoint->slot);
}

/* One may, where nf_conntrack is the flow table. */
static __always_inline void tell_tracked_flow(const struct context *c, const struct packet *p, __u32 rule)
{
    if (is_told(CATFLAP_LISTEN_FLOWS) && p->kind == PACKET_ORDINARY)
        tell_if_new(c->skb, p, EVENT_KIND(CATFLAP_REASON_NONE, c->direction, 0), rule, c->endpoint->slot);
}

#endif
