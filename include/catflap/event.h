/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause OR Apache-2.0 */
/* What the datapath tells of single packets while somebody listens (`catflap monitor`): see bpf/event.h. */
#ifndef CATFLAP_EVENT_H
#define CATFLAP_EVENT_H

#include <catflap/abi.h>

/* What is told: bits of catflap_listening, which the agent sets. */
enum {
    CATFLAP_LISTEN_DROPS = 1,
    CATFLAP_LISTEN_FLOWS = 2, /* the first packets of flows that pass */
    CATFLAP_LISTEN_HEADS = 4, /* with the beginnings of frames */
};

enum {
    CATFLAP_EVENT_RING_BYTES = 262144,             /* a power of two, whole pages: about 1,200 events */
    CATFLAP_EVENT_HEAD_BYTES = 128,                /* of a frame, from its Ethernet header on */
    CATFLAP_EVENT_INTERVAL_NS = 10000000,          /* an endpoint's events: so far apart on average, */
    CATFLAP_EVENT_BURST = 100,                     /* and so many at once; drops and flows each */
    CATFLAP_EVENT_NO_SLOT = CATFLAP_MAX_ENDPOINTS, /* of all unknown endpoints together */
    CATFLAP_EVENT_BUCKETS = 2 * (CATFLAP_MAX_ENDPOINTS + 1),
};

/* event_buckets: of a slot's drops, or of its flows. */
static inline __u32 catflap_event_bucket(__u32 slot, int is_flow)
{
    return slot * 2 + (is_flow ? 1 : 0);
}

/* One packet: dropped, or with CATFLAP_REASON_NONE the first of a flow that passes. */
struct catflap_event {
    __u64 at_ns;                   /* CLOCK_MONOTONIC */
    __u32 rule;                    /* the decision, see CATFLAP_CELL_RULE; CATFLAP_RULE_NONE: no policy's */
    __u32 slot;                    /* CATFLAP_EVENT_NO_SLOT: an unknown endpoint */
    __u32 ifindex;                 /* where it was judged: the pod's veth, or the uplink */
    __u32 sender_ifindex;          /* by which it came in; 0: made by this node itself, or not known */
    __u32 packets;                 /* on the wire: GSO segments */
    __u32 ip_bytes;                /* of all of them, by the IP header; 0: not known */
    __u32 frame_bytes;             /* length of the frame that `head` begins */
    struct catflap_address source; /* all zero, as the fields below: the parser did not get there */
    struct catflap_address destination;
    __u16 source_port;
    __u16 destination_port;
    __u16 head_bytes; /* of `head`; the rest of it is undefined */
    __u8 protocol;
    __u8 tcp_flags;
    __u8 reason;    /* enum catflap_reason */
    __u8 direction; /* enum catflap_direction */
    __u8 uplink;    /* 1: dropped where it came in from another node, see bpf/early_drop.h */
    __u8 pad;
    __u8 head[CATFLAP_EVENT_HEAD_BYTES];
};
CATFLAP_ASSERT(sizeof(struct catflap_event) == 208);
CATFLAP_ASSERT((CATFLAP_EVENT_HEAD_BYTES & (CATFLAP_EVENT_HEAD_BYTES - 1)) == 0);
CATFLAP_ASSERT(offsetof(struct catflap_event, source) == 36);
CATFLAP_ASSERT(offsetof(struct catflap_event, head) == 80);

/* event_losses: one element; events that nobody was told of. */
struct catflap_event_losses {
    __u64 limited; /* the endpoint had more than its share */
    __u64 full;    /* the ring was full: the agent was too slow */
};
CATFLAP_ASSERT(sizeof(struct catflap_event_losses) == 16);

#endif
