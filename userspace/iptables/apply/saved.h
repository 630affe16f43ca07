// SPDX-License-Identifier: Apache-2.0
// What iptables-save and ipset save print -> what of it is ours. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "iptables/apply/delta.h"

namespace catflap::iptables {

// Of `iptables-save`: what stands in the filter table.
LoadedRules parse_rules(std::string_view saved);

// Of `iptables-save`: any table has chains of these names, ours or somebody else's.
bool has_our_names(std::string_view saved);

// Of `iptables-save`: in both directions cali-FORWARD leads to our chains what is on interfaces of this prefix.
bool asks_for(std::string_view saved, const std::string& interface_prefix);

// Of `ipset save`.
std::map<std::string, IpSet> parse_sets(std::string_view saved);

// Of `ipset list -name`: ours.
std::vector<std::string> parse_set_names(std::string_view listed);

struct RuleCount {
    uint64_t packets = 0;
    uint64_t bytes = 0;
};
// Of `iptables-save -c`: the rules of each chain of ours, in their order.
std::map<std::string, std::vector<RuleCount>> parse_counts(std::string_view saved);

}  // namespace catflap::iptables
