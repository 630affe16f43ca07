// SPDX-License-Identifier: Apache-2.0
#include "resolve/endpoint_choice.h"

#include <algorithm>

namespace catflap::resolve {
namespace {

using Candidates = std::vector<Candidate>;
using Hint = std::vector<std::string> SliceEndpoint::*;

bool is_hinted_for(const Candidate& candidate, Hint hint, const std::string& value) {
    return std::ranges::find(candidate.endpoint->*hint, value) != (candidate.endpoint->*hint).end();
}

// Keeps those that are hinted for the value. False: the hints do not decide, and nothing was changed.
bool keep_hinted(Candidates& ready, Hint hint, const std::string& value) {
    const auto has_no_hint = [&](const Candidate& one) { return (one.endpoint->*hint).empty(); };
    const auto is_for_us = [&](const Candidate& one) { return is_hinted_for(one, hint, value); };
    if (std::ranges::any_of(ready, has_no_hint) || std::ranges::none_of(ready, is_for_us))
        return false;
    std::erase_if(ready, [&](const Candidate& one) { return !is_for_us(one); });
    return true;
}

template <class Predicate>
Candidates filtered(const Candidates& candidates, Predicate predicate) {
    Candidates result;
    std::ranges::copy_if(candidates, std::back_inserter(result), predicate);
    return result;
}

}  // namespace

std::vector<Backend> endpoints_in_use(const Candidates& candidates, TrafficPolicy policy, const ProxyNode& node) {
    const auto is_reachable = [&](const SliceEndpoint& endpoint) {
        return policy == TrafficPolicy::cluster || endpoint.node == node.name;
    };
    Candidates chosen =
        filtered(candidates, [&](const Candidate& one) { return one.endpoint->ready && is_reachable(*one.endpoint); });
    if (chosen.empty())
        chosen = filtered(candidates, [&](const Candidate& one) {
            return one.endpoint->serving && one.endpoint->terminating && is_reachable(*one.endpoint);
        });
    else if (policy == TrafficPolicy::cluster && !keep_hinted(chosen, &SliceEndpoint::for_nodes, node.name))
        keep_hinted(chosen, &SliceEndpoint::for_zones, node.zone);
    std::vector<Backend> result;
    for (const Candidate& one : chosen)
        result.push_back(one.backend);
    std::ranges::sort(result);
    result.erase(std::ranges::unique(result).begin(), result.end());
    return result;
}

}  // namespace catflap::resolve
