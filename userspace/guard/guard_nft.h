// SPDX-License-Identifier: Apache-2.0
// The guard as a table of nftables, `inet catflap`: for kernels that let no BPF program into netfilter (before 6.4),
// and for iptables mode, which needs no bpffs.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "model/interface_prefixes.h"

namespace catflap::guard {

inline constexpr const char* kGuardTable = "inet catflap";

struct GuardCount {
    uint64_t packets = 0;
    uint64_t bytes = 0;
};

enum class GuardScope : uint8_t {
    unjudged,  // pods' interfaces outside of the group of those that are judged, and the group of those that are closed
    closed,    // the latter only
};

// For netfilter::OwnTable::make(). What was counted before stays counted.
std::string guard_table_commands(GuardScope scope, const InterfacePrefixes& prefixes);
// What the table dropped since it was made; it outlives the agent.
Result<GuardCount> count_of_guard_table();

}  // namespace catflap::guard
