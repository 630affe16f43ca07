// SPDX-License-Identifier: Apache-2.0
// The difference between what the kernel holds of ours and what it is to hold, as input for ipset and iptables-restore.
// Pure.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "iptables/render/render.h"

namespace catflap::iptables {

// What a built-in chain holds of ours.
struct LoadedHook {
    std::vector<std::string> rules;  // each without "-A FORWARD "
    std::string first_hash;          // of the chain's first rule; "": that one is not ours
};

struct LoadedRules {
    std::map<std::string, LoadedHook> hooks;                 // by built-in chain
    std::map<std::string, std::vector<std::string>> chains;  // ours: the hashes of their rules; "": a foreign rule
};

struct Loaded {
    std::array<LoadedRules, 2> families;  // by Family
    std::map<std::string, IpSet> sets;
};

// In the order in which it has to be applied: sets before the chains that match against them, chains and the jumps to
// them in one transaction, sets that no rule names any more last.
struct Plan {
    std::string sets_before;           // for ipset restore; "": nothing to do
    std::array<std::string, 2> rules;  // for iptables-restore --noflush, by Family
    std::vector<std::string> stale_sets;
    size_t endpoint_chains_written = 0;
    size_t chains_written = 0;
    size_t members_written = 0;
};

Plan make_plan(const Loaded& loaded, const State& desired);

// What is loaded once a plan for this state has been applied.
Loaded loaded_after(const State& state);

}  // namespace catflap::iptables
