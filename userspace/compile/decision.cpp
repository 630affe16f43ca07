// SPDX-License-Identifier: Apache-2.0
#include "compile/decision.h"

#include <catflap/abi.h>

#include <algorithm>

namespace catflap::compile {

DecisionKey rule_decision(resolve::Direction direction, const resolve::Rule& rule) {
    return {false, direction, {rule.policy}, rule.index, rule.written_hash};
}

DecisionKey default_decision(const resolve::DirectionPolicy& policy) {
    return {true, policy.direction, policy.policies, 0, 0};
}

Result<uint32_t> DecisionRegistry::number(const DecisionKey& key) {
    if (const auto known = numbers_.find(key); known != numbers_.end())
        return known->second;
    while (first_free_ < used_.size() && used_[first_free_])
        ++first_free_;
    if (first_free_ >= CATFLAP_MAX_RULES)
        return fail("a rule of {} needs a counter, and all {} are in use: fewer rules must select pods of this node",
                    to_string(key.policies.front()), +CATFLAP_MAX_RULES);
    const auto number = static_cast<uint32_t>(first_free_);
    adopt(number, key);
    return number;
}

void DecisionRegistry::adopt(uint32_t number, const DecisionKey& key) {
    if (number >= used_.size())
        used_.resize(number + 1);
    used_[number] = true;
    numbers_[key] = number;
}

void DecisionRegistry::release(uint32_t number) {
    std::erase_if(numbers_, [&](const auto& entry) { return entry.second == number; });
    used_[number] = false;
    first_free_ = std::min<size_t>(first_free_, number);
}

}  // namespace catflap::compile
