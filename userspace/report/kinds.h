// SPDX-License-Identifier: Apache-2.0
// The kinds of `catflap get`: the one list from which the agent, its engines and the CLI read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace catflap::report {

enum class Kind : uint8_t { endpoints, policies, rules, sets, flows, drops, maps };

struct KindInfo {
    Kind kind;
    std::string_view name;
    std::string_view sentence;  // what one row is
    bool by_endpoint;           // can be asked for one endpoint
};

inline constexpr std::array<KindInfo, 7> kKinds = {{
    {Kind::endpoints, "endpoints", "one local pod's veth, and what passed it", true},
    {Kind::policies, "policies", "one policy, the local endpoints that it selects, and its packets", true},
    {Kind::rules, "rules", "one rule of a policy, its peers and ports in words, and what it admitted", true},
    {Kind::sets, "sets", "one source set: a distinct peer of the rules, and the addresses that it stands for", false},
    {Kind::flows, "flows", "one live flow: a connection, or a datagram exchange, of a local pod", true},
    {Kind::drops, "drops", "one reason for which packets were dropped", false},
    {Kind::maps, "maps", "one map in the kernel, and how full it is", false},
}};

constexpr std::optional<Kind> kind_named(std::string_view name) {
    for (const KindInfo& info : kKinds)
        if (info.name == name)
            return info.kind;
    return std::nullopt;
}

constexpr const KindInfo& info_of(Kind kind) {
    return kKinds[static_cast<size_t>(kind)];
}

// The table is in the order of the enum.
static_assert([] {
    for (size_t i = 0; i < kKinds.size(); ++i)
        if (static_cast<size_t>(kKinds[i].kind) != i)
            return false;
    return true;
}());

}  // namespace catflap::report
