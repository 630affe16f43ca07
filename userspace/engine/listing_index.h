// SPDX-License-Identifier: Apache-2.0
// The rules and source sets in force, in order: made once after a commit when somebody asks, so that each page of a
// list finds its place by a search.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "resolve/resolve.h"

namespace catflap::engine {

// A rule of one resolved policy. The same rule of a manifest may stand in several.
struct ListedRule {
    resolve::Direction direction = resolve::Direction::ingress;
    const resolve::Rule* rule = nullptr;
    size_t table = 0;      // index into Resolved::policies
    size_t endpoints = 0;  // that have this resolved policy
};

// The manifest's rule: what is one row.
struct RuleId {
    resolve::Direction direction = resolve::Direction::ingress;
    PolicyName policy;
    uint32_t index = 0;
    uint64_t hash = 0;

    auto operator<=>(const RuleId&) const = default;
};
RuleId id_of(const ListedRule& rule);

class ListingIndex {
  public:
    // commit: the number of the last commit; another one makes the index anew.
    void update(const resolve::Resolved& resolved, uint64_t commit);

    [[nodiscard]] const std::vector<ListedRule>& rules() const { return rules_; }               // by id_of()
    [[nodiscard]] const std::vector<const resolve::SourceSet*>& sets() const { return sets_; }  // by value, unique

  private:
    std::optional<uint64_t> commit_;
    std::vector<resolve::PolicyPointer> policies_;  // what the pointers point into
    std::vector<ListedRule> rules_;
    std::vector<const resolve::SourceSet*> sets_;
};

}  // namespace catflap::engine
