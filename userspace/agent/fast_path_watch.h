// SPDX-License-Identifier: Apache-2.0
// What the agent remembers of the node's state between two looks at what the fast path between pods depends on.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "agent/rules_survey.h"

namespace catflap::agent {

struct FastPathWatch {
    bool due = false;  // something has changed
    std::unique_ptr<RulesSurvey> survey;
    bool rules_are_read = false;  // once at least
    std::pair<std::set<uint32_t>, std::set<uint32_t>>
        looked_at;                              // interfaces of pods, and uplinks, for others' programs
    std::map<uint32_t, std::string> others_at;  // a sentence each
    std::chrono::steady_clock::time_point look_at_hooks_at{};
    bool made_liberal = false;
    std::set<std::string> ignored_rules;  // that were told
    std::string told;
};

}  // namespace catflap::agent
