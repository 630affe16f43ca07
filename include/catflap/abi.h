/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause OR Apache-2.0 */
/*
 * Everything that crosses the kernel border: structs, limits, map names. Valid C11 (bpf/) and C++20 (userspace/).
 * No implicit padding anywhere: sizes and offsets are asserted where the struct is defined, on both sides.
 * Integers are in host byte order unless the name ends in _be; addresses are 16 bytes in network order, and an IPv4
 * address is held as its IPv4-mapped form ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so both families take one code path.
 */
#ifndef CATFLAP_ABI_H
#define CATFLAP_ABI_H

#include <linux/types.h>
#include <stddef.h>

#ifdef __cplusplus
#define CATFLAP_ASSERT(cond) static_assert(cond, #cond)
extern "C" {
#else
#define CATFLAP_ASSERT(cond) _Static_assert(cond, #cond)
#endif

/*
 * ---- Limits. What does not fit is refused by object and by name, before anything is published. ----
 * A FIRST value is the size with which a map is loaded; the agent loads it anew, larger, when it has to.
 */
enum {
    CATFLAP_MAX_INTERFACES = 65536,                          /* slots of the ifindex directory, a power of two */
    CATFLAP_INTERFACE_PROBES = 8,                            /* linear probes in it */
    CATFLAP_MAX_ENDPOINTS = 4096,                            /* live endpoints (slots) */
    CATFLAP_MAX_LOCAL_ADDRESSES = 4 * CATFLAP_MAX_ENDPOINTS, /* both families, and those that come before others go */
    CATFLAP_MAX_CONFIGS = 16384,     /* endpoint configs, a power of two: live ones, and those in their grace period */
    CATFLAP_MAX_ADDRESSES = 262144,  /* pod addresses of both families */
    CATFLAP_ADDRESS_BUCKETS = 65536, /* of each family, a power of two: half full at the limit */
    CATFLAP_BUCKET_SLOTS = 8,
    CATFLAP_MAX_CIDRS = 1048576, /* prefixes */
    CATFLAP_MAX_CLASSES = 65536, /* address classes; port classes have the same bound (both are __u16 rows) */
    CATFLAP_FIRST_RULES = 4096,  /* rule counters, the default decisions of tables included */
    CATFLAP_MAX_RULES = 1048576,
    CATFLAP_MAX_FLOWS = 262144,
    CATFLAP_FAST_FLOWS = 8192,      /* of each CPU, a power of two: 512 KiB */
    CATFLAP_FAST_FLOW_JIFFIES = 25, /* the age at which such an entry expires */
    CATFLAP_MAX_UPLINKS = 256,      /* of the short way; others are left to the node's stack */
    CATFLAP_MAX_FRAGMENTS = 8192,
    CATFLAP_MAX_REASONS = 64,         /* room for reasons to come: the counters outlive the agent's version */
    CATFLAP_PAGE_SIZE = 4096,         /* unit of table_pages and port_pages, bytes */
    CATFLAP_FIRST_TABLE_PAGES = 1024, /* 4 MiB */
    CATFLAP_TABLE_PAGES = 32768,      /* 128 MiB */
    CATFLAP_PAGE_U16 = CATFLAP_PAGE_SIZE / 2,
    CATFLAP_PAGE_U32 = CATFLAP_PAGE_SIZE / 4,
    CATFLAP_PORT_PAGES = 3 * 65536 / CATFLAP_PAGE_U16, /* TCP, UDP, SCTP */
};

/*
 * Device groups, by numbers without a registry; 0 is a new interface's. The packets of a judged interface are judged; a
 * closed one lost its programs, and the guard closes it whatever its name is.
 */
enum { CATFLAP_GROUP_JUDGED = 0xca7f1a9, CATFLAP_GROUP_CLOSED = 0xca7f1aa };

/* The beginning of an interface's name, as a load of the name's first eight bytes sees it. */
#define CATFLAP_MAX_PREFIXES 8
struct catflap_name_prefix {
    __u64 bytes;
    __u64 mask; /* which of them count */
};

/* The two hooks of a host-side veth. TC ingress carries what the pod sends: from_pod. */
enum catflap_direction {
    CATFLAP_FROM_POD = 0,
    CATFLAP_TO_POD = 1,
};

/* Why a packet was dropped. REASON_NONE means: not dropped. */
enum catflap_reason {
    CATFLAP_REASON_NONE = 0,
#define CATFLAP_REASON(name, label, sentence) CATFLAP_REASON_##name,
#include <catflap/reasons.def>
#undef CATFLAP_REASON
    CATFLAP_REASON_COUNT,
};

struct catflap_address {
    __u32 word_be[4];
};
CATFLAP_ASSERT(sizeof(struct catflap_address) == 16);

/*
 * A slot of the ifindex directory: open addressing, at most CATFLAP_INTERFACE_PROBES steps. ifindex 0: empty. Written
 * by one aligned 8-byte store: this store is what publishes a new state of an endpoint.
 */
struct catflap_interface {
    __u32 ifindex;
    __u32 publication; /* count of such stores * CATFLAP_MAX_CONFIGS + config; 0: attached, but no pod is known yet */
};
/*
 * Pods that start together have neighbouring indices, and the index only grows: taken as they are, those that come
 * 65,536 later would all fall into one full run. Multiplied, neighbours lie far apart (Knuth, TAOCP 3, 6.4).
 */
static inline __u32 catflap_interface_slot(__u32 ifindex, __u32 probe)
{
    return ((ifindex * 0x9e3779b1U >> 16) + probe) & (CATFLAP_MAX_INTERFACES - 1);
}
CATFLAP_ASSERT(CATFLAP_MAX_INTERFACES == 1 << 16);

/*
 * Index into endpoint_configs. Configs are used again; publications, of all interfaces together, are 2^18 before they
 * are: who finds the same one a moment later finds the same interface in the same state.
 */
#define CATFLAP_CONFIG_OF(publication) ((publication) & (CATFLAP_MAX_CONFIGS - 1))
CATFLAP_ASSERT(sizeof(struct catflap_interface) == 8);

/*
 * The decision of one (set of policies, direction): rows[address class] x columns[port class] -> cell.
 * The three arrays lie in table_pages, each from the start of a page of its own.
 */
struct catflap_table {
    __u32 rows_page;    /* first page of __u16 row[class] */
    __u32 columns_page; /* first page of __u16 column[port class] */
    __u32 cells_page;   /* first page of __u32 cell[row * column_count + column] */
    __u32 class_count;  /* entries of row[]; a class beyond it is CATFLAP_REASON_STATE */
    __u32 port_class_count;
    __u32 column_count;
    __u32 cell_count;
    __u32 open; /* 1: no policy isolates the pod in this direction, everything passes; the rest is 0 */
};
CATFLAP_ASSERT(sizeof(struct catflap_table) == 32);

/* A cell: bit 31 is set for allow; the rest is the rule's index in rule_counters. */
#define CATFLAP_CELL_ALLOW 0x80000000U
#define CATFLAP_CELL_RULE 0x7fffffffU
/* No policy's rule decided: open directions, the node's own traffic. Counted by endpoint only. */
#define CATFLAP_RULE_NONE 0U

/*
 * All that a packet needs to know of its endpoint. Immutable once published; a change takes another config and
 * swaps the number in the interface directory.
 */
struct catflap_endpoint_config {
    struct catflap_address address[2]; /* the pod's own IPv4 (mapped) and IPv6 address; all zero: none */
    __u32 slot;                        /* < CATFLAP_MAX_ENDPOINTS */
    __u32 generation;                  /* flows with another one are judged again */
    __u32 first_generation;            /* the generation with which this pod took the slot */
    __u32 pad;
    struct catflap_table tables[2]; /* by enum catflap_direction */
    __u64 pod_identity[2];          /* not for the datapath: by it the next agent knows the pod again */
};
CATFLAP_ASSERT(sizeof(struct catflap_endpoint_config) == 128);
CATFLAP_ASSERT(offsetof(struct catflap_endpoint_config, tables) == 48);

/*
 * ipv4_addresses: exact addresses, hashed into buckets of one cache line (address_table.h). An entry is one aligned
 * 8-byte word, (class + 1) << 32 | address_be: whoever loads it has an address and its class, never half of another.
 * Class half 0: free.
 */
struct catflap_ipv4_bucket {
    __u64 entry[CATFLAP_BUCKET_SLOTS];
};
CATFLAP_ASSERT(sizeof(struct catflap_ipv4_bucket) == 64);

/* ipv6_addresses: likewise, with 32 bits of the address's hash in its place; slot i's address itself lies behind. */
struct catflap_ipv6_bucket {
    __u64 entry[CATFLAP_BUCKET_SLOTS];
    struct catflap_address address[CATFLAP_BUCKET_SLOTS];
};
CATFLAP_ASSERT(sizeof(struct catflap_ipv6_bucket) == 192);
CATFLAP_ASSERT(offsetof(struct catflap_ipv6_bucket, address) == 64);

/* Random at every load: who chooses addresses for pods cannot choose which of them share a bucket. */
struct catflap_address_seed {
    __u64 odd[3];
};
CATFLAP_ASSERT(sizeof(struct catflap_address_seed) == 24);

/* cidrs: longest-prefix match; prefix_length counts the mapped form's bits, so an IPv4 /24 is 120. Value: __u32 class.
 */
struct catflap_cidr_key {
    __u32 prefix_length;
    struct catflap_address address;
};
CATFLAP_ASSERT(sizeof(struct catflap_cidr_key) == 20);

/* The flow as the pod sees it: both directions of a connection have the same key. */
struct catflap_flow_key {
    struct catflap_address remote;
    __u16 local_port; /* ICMP echo: the identifier; no ports: 0 */
    __u16 remote_port;
    __u32 slot_protocol; /* see catflap_slot_protocol() */
};
CATFLAP_ASSERT(sizeof(struct catflap_flow_key) == 24);

enum catflap_opener {
    CATFLAP_OPENER_FROM_POD = CATFLAP_FROM_POD,
    CATFLAP_OPENER_TO_POD = CATFLAP_TO_POD,
    CATFLAP_OPENER_HOST = 2, /* the node itself, or the pod itself through a Service: never policed */
};

enum catflap_flow_state {
    CATFLAP_FLOW_OPENING = 0,     /* only the opener has spoken */
    CATFLAP_FLOW_REPLIED = 1,     /* TCP: SYN-ACK seen, handshake not complete */
    CATFLAP_FLOW_ESTABLISHED = 2, /* both have spoken; TCP: handshake complete */
    CATFLAP_FLOW_CLOSING = 3,     /* TCP: FIN from either side */
    CATFLAP_FLOW_CLOSED = 4,      /* TCP: RST from either side */
};

struct catflap_flow {
    __u64 last_seen_ns; /* CLOCK_MONOTONIC, coarse; refreshed at most once a second */
    __u32 generation;
    __u32 rule;  /* counts the packets of the flow, in both directions */
    __u8 opener; /* enum catflap_opener */
    __u8 state;  /* enum catflap_flow_state */
    __u8 pad[2];
    __u32 sender_ifindex; /* opened to the pod: the interface that the opener's packet came in by; else 0 */
};
CATFLAP_ASSERT(sizeof(struct catflap_flow) == 24);
/* sender_ifindex of a connection that began before us. */
#define CATFLAP_SENDER_UNKNOWN 0U
CATFLAP_ASSERT(offsetof(struct catflap_flow, opener) == 16);

/* fast_flows: a CPU's short-lived copy of verdicts on a connection, see bpf/fast_path.h. */
struct catflap_fast_flow {
    struct catflap_address remote;
    struct catflap_address local; /* the pod's own */
    __u16 local_port;
    __u16 remote_port;
    __u16 slot;
    __u8 protocol;
    __u8 redirected;      /* enum catflap_redirected */
    __u32 publication;    /* see struct catflap_interface; 0: unused */
    __u32 rule[2];        /* by enum catflap_direction: counts the packets that pass; or CATFLAP_NO_VERDICT */
    __u32 sender_ifindex; /* packets to the pod must have come in by it; 0: made by the node itself */
    __u64 seen_jiffies;   /* when the oldest of the verdicts was made */
};
CATFLAP_ASSERT(sizeof(struct catflap_fast_flow) == 64); /* one cache line */
CATFLAP_ASSERT(offsetof(struct catflap_fast_flow, seen_jiffies) == 56);
/* Of a direction: its packets have to be judged. */
#define CATFLAP_NO_VERDICT 0xffffffffU

/* Which packets of a fast flow take the short way; bits. */
enum catflap_redirected {
    CATFLAP_REDIRECTED_FROM_POD = 1, /* what the pod sends, by the element of `redirects` with the flow's index */
    CATFLAP_REDIRECTED_TO_POD = 2,   /* what comes in by the uplink sender_ifindex, by its element of `deliveries` */
    CATFLAP_SENT_AGAIN = 4,          /* none yet, but the pod has sent more than one packet, so it may be learned */
    CATFLAP_JUDGED_EARLY = 8,        /* to_pod has seen none of its packets; the verdict was made at the uplink */
};

/* redirects: where what the pod sends goes from from_pod, to a pod of this node or to an uplink; see bpf/redirect.h. */
struct catflap_redirect {
    __u32 ifindex;     /* of the receiver's host-side veth, or of the uplink */
    __u32 publication; /* the receiver's, under which to_pod let the flow pass; 0: it leaves by the uplink */
    __u32 rule;        /* at the receiver; may be CATFLAP_RULE_NONE */
    __u32 slot;        /* the receiver's */
    __u8 macs[12];     /* destination and source of the frame as the receiver, or the wire, gets it */
    __u32 priority;    /* skb->priority with which it leaves */
};
CATFLAP_ASSERT(sizeof(struct catflap_redirect) == 32);

/* deliveries: how what comes in by an uplink gets to the pod, see bpf/uplink.h. */
struct catflap_delivery {
    __u8 macs[12]; /* destination and source of the frame as the pod gets it */
    __u32 ifindex; /* of its host-side veth */
};
CATFLAP_ASSERT(sizeof(struct catflap_delivery) == 16);

/* uplinks: by ifindex; written by the agent while it keeps the programs there. */
enum catflap_uplink_way {
    CATFLAP_UPLINK_IN = 1,  /* what comes in may go straight to a pod */
    CATFLAP_UPLINK_OUT = 2, /* what a pod sends may go straight out */
};
struct catflap_uplink {
    __u32 ways;          /* enum catflap_uplink_way */
    __u32 pod_mtu_bytes; /* the largest IP packet of a pod whose gate is open */
};
CATFLAP_ASSERT(sizeof(struct catflap_uplink) == 8);

/*
 * redirect_gates: by slot, what of an endpoint's traffic may be handed to, or taken from, another pod of this node or
 * an uplink without the node's stack. A store of the agent; it ends with the copies, within CATFLAP_FAST_FLOW_JIFFIES.
 */
enum catflap_redirect_gate {
    CATFLAP_REDIRECT_NOTHING = 0,
    CATFLAP_REDIRECT_UDP = 1,
    CATFLAP_REDIRECT_TCP_UDP = 2,
};

/* Later fragments carry no ports: the datagram's first one leaves them here. */
struct catflap_fragment_key {
    struct catflap_address remote;
    __u32 id_be;         /* IPv4: 16 bits, zero extended */
    __u32 slot_protocol; /* see catflap_slot_protocol(); IPv6: IPPROTO_FRAGMENT */
    __u32 direction;
};
CATFLAP_ASSERT(sizeof(struct catflap_fragment_key) == 28);

struct catflap_fragment {
    __u64 first_seen_ns;
    __u16 source_port;
    __u16 destination_port;
    __u16 header_bytes; /* of the datagram, up to the end of the headers that were judged */
    __u8 protocol;      /* behind the IPv6 extension headers */
    __u8 pad;
};
CATFLAP_ASSERT(sizeof(struct catflap_fragment) == 16);

/*
 * Packets are those on the wire (GSO segments counted one by one), bytes those of the IP packet. The maps that every
 * packet counts in are plain arrays, in which each CPU has a run of elements for itself: index + CPU * elements. The
 * kernel's per-CPU arrays cost a pointer more, and a call before 6.10.
 */
struct catflap_counter {
    __u64 packets;
    __u64 bytes;
};
CATFLAP_ASSERT(sizeof(struct catflap_counter) == 16);

/* endpoint_counters: index slot * 2 + direction, of each CPU CATFLAP_ENDPOINT_COUNTERS. */
#define CATFLAP_ENDPOINT_COUNTERS (CATFLAP_MAX_ENDPOINTS * 2)
struct catflap_endpoint_counter {
    struct catflap_counter allowed;
    struct catflap_counter dropped;
};
CATFLAP_ASSERT(sizeof(struct catflap_endpoint_counter) == 32);

/* health_counters: one element; things that are not drops, but that an operator should be able to see. */
struct catflap_health {
    __u64 flows_created;
    __u64 flow_insert_failures;     /* the packet passed; its flow will be judged again */
    __u64 flows_judged_again;       /* found with a stale generation */
    __u64 audit_passes;             /* would have been dropped, if not for --mode audit */
    __u64 flows_recovered;          /* connections whose flow was gone, and known to nf_conntrack */
    __u64 fragment_insert_failures; /* the first fragment passed; the rest of its datagram is dropped */
    __u64 redirects_learned;        /* flows that took the short way, by direction, each time that they began to */
};
CATFLAP_ASSERT(sizeof(struct catflap_health) == 56);

#ifdef __cplusplus
}
#endif
#endif
