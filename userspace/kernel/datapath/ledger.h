// SPDX-License-Identifier: Apache-2.0
// What outlives both the agent and the rules: which decision each counter counts, what policies counted in rules that
// are gone, and how far each slot's generations went. Kept in pinned maps that only userspace reads, beside the
// counters themselves, so that neither can be lost without the other.
#pragma once

#include <catflap/abi.h>

#include <filesystem>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "compile/tables/decision.h"
#include "kernel/maps/cpu_array.h"

namespace catflap::kernel {

struct PolicyTotals {
    catflap_counter allowed{};
    catflap_counter dropped{};
};

class Ledger {
  public:
    // Opens or makes the ledger's maps under pin_dir; rule_counters: the datapath's map, for so many
    // decisions.
    static Result<Ledger> open(const std::filesystem::path& pin_dir, CpuArray<catflap_counter> rule_counters,
                               uint32_t decisions);

    // Decisions named by an earlier agent.
    [[nodiscard]] const std::vector<std::pair<uint32_t, compile::DecisionKey>>& found() const { return found_; }
    Result<> name(uint32_t decision, const compile::DecisionKey& key);
    // Adds the decision's final counts to its policies' totals, and forgets it.
    Result<> settle(uint32_t decision, const compile::DecisionKey& key);

    // Its maps, by the names under which they are pinned.
    [[nodiscard]] std::vector<std::pair<const char*, int>> maps() const {
        return {
            {"decision_names", names_.get()}, {"policy_totals", totals_.get()}, {"generations", generations_fd_.get()}};
    }
    [[nodiscard]] catflap_counter count(uint32_t decision) const { return rule_counters_.sum(decision); }
    // Counted elsewhere for the decision.
    Result<> add_counts(const compile::DecisionKey& key, const catflap_counter& counts);
    // What the policy counted in decisions that are settled.
    [[nodiscard]] PolicyTotals settled(const PolicyName& policy, resolve::Direction direction) const;

    [[nodiscard]] uint32_t generation(uint32_t slot) const { return generations_.values()[slot / 2].value[slot % 2]; }
    void set_generation(uint32_t slot, uint32_t generation) {
        generations_.values()[slot / 2].value[slot % 2] = generation;
    }

  private:
    struct GenerationPair {
        uint32_t value[2];
    };

    Ledger() = default;
    Result<> read_names(uint32_t decisions);
    Result<> add(const PolicyName& policy, resolve::Direction direction, const PolicyTotals& totals);

    UniqueFd names_;
    UniqueFd totals_;
    UniqueFd generations_fd_;
    MappedArray<GenerationPair> generations_;
    CpuArray<catflap_counter> rule_counters_;
    std::vector<std::pair<uint32_t, compile::DecisionKey>> found_;
};

}  // namespace catflap::kernel
