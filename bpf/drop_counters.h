/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file contains the one map that the datapath and the guard share. */
#ifndef CATFLAP_DROP_COUNTERS_H
#define CATFLAP_DROP_COUNTERS_H

#include <catflap/abi.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* By enum catflap_reason. Written by programs alone; the agent sums over the CPUs. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, CATFLAP_MAX_REASONS);
    __type(key, __u32);
    __type(value, struct catflap_counter);
} drop_counters SEC(".maps");

#endif
