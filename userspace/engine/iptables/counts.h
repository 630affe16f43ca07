// SPDX-License-Identifier: Apache-2.0
// The counters of our chains, added up by what they count.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "engine/lists.h"
#include "iptables/apply/engine.h"

namespace catflap::engine {

using report::AllowedAndDropped;
using report::Counted;
using report::CountedByDirection;

struct IptablesCounts {
    std::map<std::string, AllowedAndDropped> by_chain;  // endpoint chains
    std::map<ObjectName, CountedByDirection> by_policy;
    std::map<iptables::Credit, Counted> by_credit;
    std::map<uint32_t, Counted> by_reason;  // enum catflap_reason, kInvalidState
};

// counted: of each family's chains; a chain that somebody has changed is left out until the next comparison repairs it.
IptablesCounts sum_counts(const iptables::State& enforced,
                          const std::array<std::map<std::string, std::vector<iptables::RuleCount>>, 2>& counted);

}  // namespace catflap::engine
