// SPDX-License-Identifier: Apache-2.0
#include "model/cluster_policy.h"

namespace catflap {

std::string_view to_string(ClusterTier tier) {
    return tier == ClusterTier::admin ? "Admin" : "Baseline";
}

std::string_view to_string(RuleAction action) {
    switch (action) {
        case RuleAction::accept:
            return "Accept";
        case RuleAction::deny:
            return "Deny";
        case RuleAction::pass:
            return "Pass";
    }
    return "?";
}

}  // namespace catflap
