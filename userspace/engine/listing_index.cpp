// SPDX-License-Identifier: Apache-2.0
#include "engine/listing_index.h"

#include <algorithm>
#include <functional>
#include <tuple>

namespace catflap::engine {
namespace {

auto order_of(const ListedRule& listed) {
    return std::make_tuple(listed.direction, std::cref(listed.rule->policy), listed.rule->index,
                           listed.rule->written_hash);
}

}  // namespace

RuleId id_of(const ListedRule& rule) {
    return {rule.direction, rule.rule->policy, rule.rule->index, rule.rule->written_hash};
}

void ListingIndex::update(const resolve::Resolved& resolved, uint64_t commit) {
    if (commit_ == commit)
        return;
    commit_ = commit;
    policies_ = resolved.policies;
    rules_.clear();
    sets_.clear();
    std::vector<size_t> endpoints(policies_.size());
    for (const auto& [pod, tables] : resolved.endpoints)
        for (const size_t table : tables)
            ++endpoints[table];
    for (size_t table = 0; table < policies_.size(); ++table)
        for (const resolve::Rule& rule : policies_[table]->rules) {
            rules_.push_back({policies_[table]->direction, &rule, table, endpoints[table]});
            for (const resolve::SourceSet& set : rule.peers)
                sets_.push_back(&set);
        }
    std::ranges::sort(rules_, [](const ListedRule& a, const ListedRule& b) {
        return order_of(a) < order_of(b) || (order_of(a) == order_of(b) && a.table < b.table);
    });
    const auto by_value = [](const resolve::SourceSet* a, const resolve::SourceSet* b) { return *a < *b; };
    std::ranges::sort(sets_, by_value);
    const auto rest = std::ranges::unique(sets_, [](const auto* a, const auto* b) { return *a == *b; });
    sets_.erase(rest.begin(), rest.end());
}

}  // namespace catflap::engine
