// SPDX-License-Identifier: Apache-2.0
// What the audit found changed by others, and put right: each kind counted, since the agent started.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace catflap::engine {

enum class MendKind : uint8_t {
    attachments,  // programs that were taken off an interface, or no longer first there
    pins,         // pins that were missing, or another object's
    guard,        // the guard's links or table
    groups,       // an interface that was out of the device group of those that are judged
    chains,       // chains and sets of iptables mode
    foreign,      // programs of another catflap
    tracking,     // the rule that keeps nf_conntrack following connections
    maps,         // entries of the datapath's maps: `catflap verify`, and the agent's passes
};
inline constexpr std::array<const char*, 8> kMendNames = {"attachments",     "pins",      "guard", "groups", "chains",
                                                          "foreignPrograms", "conntrack", "maps"};

struct Mend {
    uint64_t count = 0;
    std::optional<std::chrono::system_clock::time_point> last;
};

// By MendKind.
using Mends = std::array<Mend, kMendNames.size()>;

// One thing that an engine's audit() put right.
struct Mended {
    MendKind kind;
    std::string what;
};

}  // namespace catflap::engine
