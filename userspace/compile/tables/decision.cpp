// SPDX-License-Identifier: Apache-2.0
#include "compile/tables/decision.h"

#include <catflap/abi.h>

#include <algorithm>

namespace catflap::compile {

DecisionKey rule_decision(resolve::Direction direction, const resolve::Rule& rule) {
    return {false, direction, {rule.policy}, rule.index, rule.written_hash, rule.action};
}

DecisionKey end_decision(const resolve::DirectionPolicy& policy, size_t tier) {
    const auto at = [&](size_t index) { return policy.policies.begin() + static_cast<std::ptrdiff_t>(index); };
    return {true, policy.direction, {at(policy.first_policy(tier)), at(policy.tiers[tier].policies_end)}, 0, 0};
}

// keys_ points into numbers_, into its own.
DecisionRegistry::DecisionRegistry(const DecisionRegistry& other)
    : limit_(other.limit_),
      most_names_(other.most_names_),
      numbers_(other.numbers_),
      used_(other.used_),
      keys_(other.keys_.size()),
      first_free_(other.first_free_),
      names_(other.names_) {
    for (const auto& [key, number] : numbers_)
        keys_[number] = &key;
}

Result<uint32_t> DecisionRegistry::number(const DecisionKey& key) {
    if (const auto known = numbers_.find(key); known != numbers_.end())
        return known->second;
    while (first_free_ < used_.size() && used_[first_free_])
        ++first_free_;
    if (first_free_ >= limit_)
        return does_not_fit(
            "a rule of {} needs a counter, and all {} are in use: fewer rules must select pods of this node",
            to_string(key.policies.front()), limit_);
    if (names_ + key.policies.size() > most_names_)
        return does_not_fit(
            "the tables of this node name {} policies in all, and the ledger of counters holds {}: fewer policies "
            "must select each pod ({} is one of those)",
            names_ + key.policies.size(), most_names_, to_string(key.policies.front()));
    const auto number = static_cast<uint32_t>(first_free_);
    adopt(number, key);
    return number;
}

void DecisionRegistry::adopt(uint32_t number, const DecisionKey& key) {
    if (number >= used_.size())
        used_.resize(number + 1);
    used_[number] = true;
    const auto [known, is_new] = numbers_.insert_or_assign(key, number);
    if (is_new)
        names_ += key.policies.size();
    if (number >= keys_.size())
        keys_.resize(number + 1);
    keys_[number] = &known->first;
}

void DecisionRegistry::release(const DecisionKey& key) {
    const auto found = numbers_.find(key);
    if (found == numbers_.end())
        return;
    const uint32_t number = found->second;
    names_ -= key.policies.size();
    keys_[number] = nullptr;
    numbers_.erase(found);
    used_[number] = false;
    first_free_ = std::min<size_t>(first_free_, number);
}

}  // namespace catflap::compile
