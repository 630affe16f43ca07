// SPDX-License-Identifier: Apache-2.0
// The guard as a table of nftables, `inet catflap`: for kernels that let no BPF program into netfilter (before 6.4).
#pragma once

#include <cstdint>

#include "base/result.h"

namespace catflap::guard {

struct GuardCount {
    uint64_t packets = 0;
    uint64_t bytes = 0;
};

// Closes cali* interfaces outside of the group. What was counted before stays counted.
Result<> make_guard_table(uint32_t group);
// What the table dropped since it was made; it outlives the agent.
Result<GuardCount> count_of_guard_table();
// It is no error if there is none.
Result<> remove_guard_table();

}  // namespace catflap::guard
