// SPDX-License-Identifier: Apache-2.0
// What counts packets: a rule of a policy, or the end of a tier ("no rule of it matched").
#pragma once

#include <catflap/abi.h>

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compile/plan/limits.h"
#include "resolve/resolve.h"

namespace catflap::compile {

struct DecisionKey {
    bool is_default = false;  // the end of a tier, which drops
    resolve::Direction direction = resolve::Direction::ingress;
    std::vector<PolicyName> policies;  // the rule's one; of an end: all of the tier that govern the pod
    uint32_t rule_index = 0;
    uint64_t rule_hash = 0;
    resolve::Action action = resolve::Action::allow;  // of a rule; no packet ends at one that passes

    [[nodiscard]] bool drops() const { return is_default || action == resolve::Action::deny; }

    auto operator<=>(const DecisionKey&) const = default;
};

DecisionKey rule_decision(resolve::Direction direction, const resolve::Rule& rule);
DecisionKey end_decision(const resolve::DirectionPolicy& policy, size_t tier);

// Decision -> its index in rule_counters. An index is taken back only by release(), after its counts were saved.
class DecisionRegistry {
  public:
    // Of all counters, and of all policies that the decisions name: each is an entry of the ledger.
    explicit DecisionRegistry(uint32_t limit = CATFLAP_MAX_RULES,
                              size_t most_names = size_t{kNamesPerDecision} * CATFLAP_MAX_RULES)
        : limit_(limit), most_names_(most_names) {}

    DecisionRegistry(const DecisionRegistry& other);
    DecisionRegistry& operator=(const DecisionRegistry& other) { return *this = DecisionRegistry(other); }
    DecisionRegistry(DecisionRegistry&&) = default;
    DecisionRegistry& operator=(DecisionRegistry&&) = default;
    ~DecisionRegistry() = default;

    // Takes the decision's number, or a new one. Fails when all are in use.
    Result<uint32_t> number(const DecisionKey& key);
    // As found in the counters of an earlier agent.
    void adopt(uint32_t number, const DecisionKey& key);
    void release(const DecisionKey& key);

    [[nodiscard]] const std::map<DecisionKey, uint32_t>& numbers() const { return numbers_; }
    // Null: nobody has the number.
    [[nodiscard]] const DecisionKey* key(uint32_t number) const {
        return number < keys_.size() ? keys_[number] : nullptr;
    }
    [[nodiscard]] size_t names() const { return names_; }

  private:
    uint32_t limit_;
    size_t most_names_;
    std::map<DecisionKey, uint32_t> numbers_;
    std::vector<bool> used_ = {true};       // 0 is CATFLAP_RULE_NONE
    std::vector<const DecisionKey*> keys_;  // of numbers_; by number
    size_t first_free_ = 1;
    size_t names_ = 0;  // policies of all decisions: each is an entry of the ledger
};

}  // namespace catflap::compile
