/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the counters and the two functions that end a packet's processing, pass() and drop(). Every drop
 * has a reason, and every verdict is counted.
 */
#ifndef CATFLAP_ACCOUNT_H
#define CATFLAP_ACCOUNT_H

#include <linux/pkt_cls.h>

#include "context.h"
#include "event.h"
#include "maps.h"

static __always_inline void count(struct catflap_counter *counter, const struct context *c)
{
    counter->packets += c->packets;
    counter->bytes += c->bytes;
}

static __always_inline void count_rule(__u32 rule, const struct context *c)
{
    __u32 index = c->cpu * catflap_rules + rule;
    struct catflap_counter *counter;

    if (rule == CATFLAP_RULE_NONE || rule >= catflap_rules)
        return;
    counter = bpf_map_lookup_elem(&rule_counters, &index);
    if (counter)
        count(counter, c);
}

static __always_inline struct catflap_endpoint_counter *endpoint_counter(const struct context *c, __u32 slot)
{
    __u32 index = c->cpu * CATFLAP_ENDPOINT_COUNTERS + slot * 2 + c->direction;

    return bpf_map_lookup_elem(&endpoint_counters, &index);
}

static __always_inline struct catflap_health *health(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&health_counters, &zero);
}

/* Later programs on the hook still run (TCX_NEXT; with clsact the next filter). */
static __always_inline int pass(const struct context *c, __u32 slot, __u32 rule)
{
    struct catflap_endpoint_counter *counter = endpoint_counter(c, slot);

    if (counter)
        count(&counter->allowed, c);
    count_rule(rule, c);
    return TC_ACT_UNSPEC;
}

/* rule: the decision that counts the packet; CATFLAP_RULE_NONE if no policy was involved. */
static __always_inline int drop(const struct context *c, __u32 reason, __u32 rule)
{
    struct catflap_counter *by_reason = bpf_map_lookup_elem(&drop_counters, &reason);

    if (by_reason)
        count(by_reason, c);
    if (c->endpoint) {
        struct catflap_endpoint_counter *counter = endpoint_counter(c, c->endpoint->slot);

        if (counter)
            count(&counter->dropped, c);
    }
    count_rule(rule, c);
    tell_drop(c, reason, rule);
    if (catflap_audit) {
        struct catflap_health *h = health();

        if (h)
            h->audit_passes++;
        return TC_ACT_UNSPEC;
    }
    return TC_ACT_SHOT;
}

#endif
