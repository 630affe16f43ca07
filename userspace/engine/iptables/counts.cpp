// SPDX-License-Identifier: Apache-2.0
#include "engine/iptables/counts.h"

#include <catflap/abi.h>

#include "iptables/render/chains.h"

namespace catflap::engine {
namespace {

using iptables::Chain;
using iptables::Rule;
using iptables::RuleCount;
using iptables::Verb;

void add(Counted& sum, const RuleCount& count) {
    sum.add(count.packets, count.bytes);
}

// A packet ends its way through an endpoint's chain in one of these.
void count_endpoint(IptablesCounts& counts, const Chain& chain, const Rule& rule, const RuleCount& count) {
    if (!chain.name.starts_with(iptables::kFromPod.endpoint) && !chain.name.starts_with(iptables::kToPod.endpoint))
        return;
    AllowedAndDropped& sum = counts.by_chain[chain.name];
    if (rule.target.verb == Verb::accept || rule.target.verb == Verb::return_to_caller)
        add(sum.allowed, count);
    else if (rule.target.verb == Verb::drop)
        add(sum.dropped, count);
}

void count_policy(IptablesCounts& counts, const Rule& rule, const RuleCount& count) {
    if (!rule.credit)
        return;
    add(counts.by_credit[*rule.credit], count);
    for (const ObjectName& policy : rule.credit->policies) {
        AllowedAndDropped& sum = of(counts.by_policy[policy], rule.credit->direction);
        add(rule.credit->denied ? sum.dropped : sum.allowed, count);
    }
}

void count_reason(IptablesCounts& counts, const Chain& chain, const Rule& rule, const RuleCount& count) {
    if (rule.target.verb != Verb::drop)
        return;
    if (rule.credit)
        add(counts.by_reason[CATFLAP_REASON_POLICY], count);
    else if (!rule.match.states.empty())
        add(counts.by_reason[kInvalidState], count);
    else if (!rule.match.protocol.empty())
        add(counts.by_reason[CATFLAP_REASON_ENCAPSULATION], count);
    else if (chain.name.starts_with(iptables::kFromPod.dispatch) || chain.name.starts_with(iptables::kToPod.dispatch))
        add(counts.by_reason[CATFLAP_REASON_UNKNOWN_ENDPOINT], count);
}

}  // namespace

IptablesCounts sum_counts(const iptables::State& enforced,
                          const std::array<std::map<std::string, std::vector<RuleCount>>, 2>& counted) {
    IptablesCounts counts;
    for (size_t family = 0; family < counted.size(); ++family)
        for (const auto& [name, chain] : enforced.families[family].chains) {
            const auto found = counted[family].find(name);
            if (found == counted[family].end() || found->second.size() != chain.rules.size())
                continue;
            for (size_t i = 0; i < chain.rules.size(); ++i) {
                count_endpoint(counts, chain, chain.rules[i].rule, found->second[i]);
                count_policy(counts, chain.rules[i].rule, found->second[i]);
                count_reason(counts, chain, chain.rules[i].rule, found->second[i]);
            }
        }
    return counts;
}

}  // namespace catflap::engine
