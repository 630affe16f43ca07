// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "compile/admission/admission.h"
#include "compile/plan/plan.h"

namespace catflap::compile {

Result<Needs> measure(const Desired& desired, const Limits& limits) {
    const Loaded nothing(limits);
    const Desired whole{desired.cluster, desired.resolved, desired.endpoints, desired.frontends, Changes::all(),
                        false,           desired.departed};
    const auto plan = make_plan(nothing, whole, nullptr);
    if (!plan)
        return tl::unexpected(plan.error());
    const auto& planned = plan->decisions;
    const DecisionRegistry& decisions = planned ? *planned : nothing.decisions;
    const size_t counters = std::max(decisions.numbers().size() + 1, decisions.names() / kNamesPerDecision + 1);
    return Needs{limits.pages - plan->pools.pages.free_pages(), static_cast<uint32_t>(counters)};
}

bool fits_easily(const Desired& desired) {
    constexpr size_t kFew = 4096;
    size_t rules = 0;
    size_t prefixes = 0;
    size_t names = 0;
    for (const resolve::PolicyPointer& policy : desired.resolved.policies) {
        names += policy->policies.size();
        for (const resolve::Rule& rule : policy->rules) {
            rules += 1 + rule.peers.size() + rule.ports.size();
            for (const resolve::SourceSet& set : rule.peers)
                for (const IpBlock& block : set.blocks)
                    prefixes += 1 + block.except.size();
        }
    }
    size_t frontends = 0;
    for (const resolve::Frontend& frontend : desired.frontends)
        frontends += frontend.addresses.size() + frontend.ports.size();
    return rules + prefixes + names + frontends < kFew && desired.cluster.pods.size() < kFew;
}

}  // namespace catflap::compile
