/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file contains the context of one packet's way through the datapath. */
#ifndef CATFLAP_CONTEXT_H
#define CATFLAP_CONTEXT_H

#include <catflap/abi.h>
#include <linux/bpf.h>

/* Filled step by step by the entry point; pass() and drop() need nothing else. */
struct context {
    struct __sk_buff *skb;
    __u32 publication;                              /* see struct catflap_interface; 0: not known */
    const struct catflap_endpoint_config *endpoint; /* NULL: not known, or not asked for */
    enum catflap_direction direction;               /* a constant at each of the two entry points */
    __u32 sender_ifindex; /* the skb's ingress_ifindex: what is forwarded came in by it; 0: made by the node itself */
    __u32 cpu;
    __u32 packets; /* on the wire: GSO segments */
    __u32 bytes;
    const struct packet *packet; /* for those who listen, see event.h; NULL: not parsed */
    struct xdp_md *frame;        /* instead of skb, where there is none yet */
    __u32 at_uplink;             /* 1: where it came in from another node */
    __u32 fast_index;            /* of the packet's fast flow, once it was looked for */
};

#endif
