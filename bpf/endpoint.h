/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file looks up an endpoint's state: by its interface, or by a pod's address. */
#ifndef CATFLAP_ENDPOINT_H
#define CATFLAP_ENDPOINT_H

#include "maps.h"
#include "parse/packet.h"

/* See struct catflap_interface; 0: an unknown interface. */
static __always_inline __u32 find_publication(__u32 ifindex)
{
    for (__u32 probe = 0; probe < CATFLAP_INTERFACE_PROBES; probe++) {
        __u32 index = catflap_interface_slot(ifindex, probe);
        const __u64 *word = bpf_map_lookup_elem(&interfaces, &index);
        union {
            __u64 word;
            struct catflap_interface slot;
        } found;

        if (!word)
            return 0;
        found.word = *(const volatile __u64 *)word; /* one load: interface and publication belong together */
        if (found.slot.ifindex == ifindex)
            return found.slot.publication;
    }
    return 0;
}

static __always_inline const struct catflap_endpoint_config *published(__u32 publication)
{
    __u32 config = CATFLAP_CONFIG_OF(publication);

    return config ? bpf_map_lookup_elem(&endpoint_configs, &config) : NULL;
}

/* The pod's address of the family; all zero: none. */
static __always_inline const struct catflap_address *own_address(const struct catflap_endpoint_config *endpoint,
                                                                 __u8 ipv6)
{
    return &endpoint->address[ipv6 & 1];
}

/*
 * The address of a sender on this node, also where kube-proxy has masqueraded it: its interface tells, since its
 * packets have passed check_sender(). NULL: the packet came from another node.
 */
static __always_inline const struct catflap_address *sender_address(__u32 sender_ifindex, __u8 ipv6)
{
    const struct catflap_endpoint_config *sender = sender_ifindex ? published(find_publication(sender_ifindex)) : NULL;

    return sender ? own_address(sender, ipv6) : NULL;
}

/* The interface of the pod of this node that has the address; CATFLAP_SENDER_UNKNOWN: no pod of this node has it. */
static __always_inline __u32 interface_of(const struct catflap_address *address)
{
    const __u32 *ifindex = bpf_map_lookup_elem(&local_addresses, address);
    const struct catflap_address *own = ifindex ? sender_address(*ifindex, !is_ipv4_mapped(address)) : NULL;

    return own && same_address(own, address) ? *ifindex : CATFLAP_SENDER_UNKNOWN;
}

#endif
