/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file contains every map but drop_counters: who writes it, what its key means, what happens when it is full. */
#ifndef CATFLAP_MAPS_H
#define CATFLAP_MAPS_H

#include <catflap/event.h>

#include "drop_counters.h"

struct catflap_page_u16 {
    __u16 value[CATFLAP_PAGE_U16];
};

struct catflap_page_u32 {
    __u32 value[CATFLAP_PAGE_U32];
};

/*
 * Tables that the agent writes, the mmapable ones by aligned stores: one store is the unit of every change. The agent
 * refuses a state that does not fit before it writes any of it.
 */

/* ifindex -> publication, and in it config; open addressing; the one store that publishes an endpoint's new state. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_MAX_INTERFACES);
    __type(key, __u32);
    __type(value, struct catflap_interface);
} interfaces SEC(".maps");

/* config -> endpoint record; immutable while published. Element 0 is never used. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_MAX_CONFIGS);
    __type(key, __u32);
    __type(value, struct catflap_endpoint_config);
} endpoint_configs SEC(".maps");

/* Pod address -> address class. Looked up before `cidrs`, since a bucket costs a fraction of a trie lookup. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_ADDRESS_BUCKETS);
    __type(key, __u32);
    __type(value, struct catflap_ipv4_bucket);
} ipv4_addresses SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_ADDRESS_BUCKETS);
    __type(key, __u32);
    __type(value, struct catflap_ipv6_bucket);
} ipv6_addresses SEC(".maps");

/*
 * Address of a pod on this node -> its interface. A hint: the reader verifies that the endpoint of that interface has
 * this address.
 */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, CATFLAP_MAX_LOCAL_ADDRESSES);
    __type(key, struct catflap_address);
    __type(value, __u32);
} local_addresses SEC(".maps");

/*
 * Prefix -> address class: ipBlocks, and single addresses of pods whose bucket is full. The class of a prefix includes
 * that of the broader ones, so the longest match is the whole answer.
 */
struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, CATFLAP_MAX_CIDRS + CATFLAP_MAX_ADDRESSES);
    __type(key, struct catflap_cidr_key);
    __type(value, __u32);
} cidrs SEC(".maps");

/* (TCP, UDP, SCTP) x port -> port class, __u16 each. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_PORT_PAGES);
    __type(key, __u32);
    __type(value, struct catflap_page_u16);
} port_pages SEC(".maps");

/* The rows, columns and cells of every policy table; the agent allocates runs of pages. The loader sets the size. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_FIRST_TABLE_PAGES);
    __type(key, __u32);
    __type(value, struct catflap_page_u32);
} table_pages SEC(".maps");

/* What the datapath itself remembers. */

/*
 * Connections by endpoint, as the pod sees them, that nf_conntrack does not hold for us (tracked.h). Full: the kernel
 * evicts the least recently used. An entry is a hint: without it the connection is classified again, and no packet is
 * lost in the direction in which it was opened.
 */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, CATFLAP_MAX_FLOWS);
    __type(key, struct catflap_flow_key);
    __type(value, struct catflap_flow);
} flows SEC(".maps");

/*
 * The fast path, see fast_path.h: direct-mapped, so a flow replaces another one that has the same place. Each CPU has
 * its own run of elements; the loader multiplies the size. Mmapable arrays begin at a page, so an element is a cache
 * line.
 */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_FAST_FLOWS);
    __type(key, __u32);
    __type(value, struct catflap_fast_flow);
} fast_flows SEC(".maps");

/* By the index of the fast flow, in each CPU's own run of elements; see redirect.h. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_FAST_FLOWS);
    __type(key, __u32);
    __type(value, struct catflap_redirect);
} redirects SEC(".maps");

/* By the index of the fast flow, in each CPU's own run of elements; see uplink.h. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_FAST_FLOWS);
    __type(key, __u32);
    __type(value, struct catflap_delivery);
} deliveries SEC(".maps");

/* ifindex -> what may take the short way there; written by the agent. Full: the rest goes the whole way. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, CATFLAP_MAX_UPLINKS);
    __type(key, __u32);
    __type(value, struct catflap_uplink);
} uplinks SEC(".maps");

/* Slot -> enum catflap_redirect_gate, written by the agent. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_MAX_ENDPOINTS);
    __type(key, __u32);
    __type(value, __u32);
} redirect_gates SEC(".maps");

/*
 * The ports of fragmented datagrams, stored by their first fragments. Full: the kernel evicts the least recently used.
 * Without its entry the rest of an allowed datagram is dropped (CATFLAP_REASON_FRAGMENT), and the sender has to repeat
 * it.
 */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, CATFLAP_MAX_FRAGMENTS);
    __type(key, struct catflap_fragment_key);
    __type(value, struct catflap_fragment);
} fragments SEC(".maps");

/* What is told of single packets, see event.h. */

/* struct catflap_event; read by the agent while somebody listens. Full: the event is lost, and counted. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, CATFLAP_EVENT_RING_BYTES);
} events SEC(".maps");

/* By catflap_event_bucket(): CLOCK_MONOTONIC in ns at which the next event is due; see bucket_admits(). */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, CATFLAP_EVENT_BUCKETS);
    __type(key, __u32);
    __type(value, __u64);
} event_buckets SEC(".maps");

/* One element, written by the datapath. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct catflap_event_losses);
} event_losses SEC(".maps");

/* Counters: written by the datapath alone; the agent sums them over the CPUs. */

/* By the decision that the packet got, a rule or a table's default: catflap_rules elements for each CPU. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_FIRST_RULES);
    __type(key, __u32);
    __type(value, struct catflap_counter);
} rule_counters SEC(".maps");

/* By slot * 2 + direction: CATFLAP_ENDPOINT_COUNTERS elements for each CPU. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, CATFLAP_ENDPOINT_COUNTERS);
    __type(key, __u32);
    __type(value, struct catflap_endpoint_counter);
} endpoint_counters SEC(".maps");

/* One element: see struct catflap_health. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct catflap_health);
} health_counters SEC(".maps");

/* Set by the loader; the verifier removes the code that they switch off. */
const volatile __u8 catflap_audit = 0;     /* --mode audit: judge and count, drop nothing */
const volatile __u8 catflap_conntrack = 0; /* nf_conntrack may be asked, see conntrack.h */
const volatile __u8 catflap_tracked = 0;   /* nf_conntrack is the flow table of TCP and UDP, see tracked.h */
const volatile __u8 catflap_keep = 0;      /* --established=keep: a policy change leaves live flows alone */
const volatile __u64 catflap_fast_flow_jiffies = CATFLAP_FAST_FLOW_JIFFIES; /* 0: no fast path */
const volatile __u8 catflap_redirects = 0;       /* established flows take the short way, see redirect.h, uplink.h */
const volatile __u64 catflap_settle_jiffies = 1; /* a new UDP flow goes the whole way, see is_settled() */
const volatile __u8 catflap_early_drop = 0;      /* from_uplink drops early; early_drop_xdp always does */
const volatile __u64 catflap_early_sample_ns = 1000000000; /* see is_sample(); 0: never */
const volatile struct catflap_address_seed catflap_seed = {};
const volatile __u32 catflap_rules = CATFLAP_FIRST_RULES; /* elements of rule_counters that each CPU has */

#endif
