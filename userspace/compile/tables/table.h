// SPDX-License-Identifier: Apache-2.0
// One policy table: which rules hold each address class and each port class, and the cell where they meet.
#pragma once

#include <catflap/abi.h>

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "compile/tables/decision.h"
#include "compile/commit/store.h"

namespace catflap::compile {

// A bit for each rule of the table, and one more word: of a column the port_tag() of a Service's port, of a row 0.
// Behind it, in rows of Service frontends, what differs from the bits: FrontendVerdicts.
using RuleMask = std::vector<uint64_t>;

// Tells a Service's port apart from all others.
inline uint64_t port_tag(Protocol protocol, uint16_t port) {
    return uint64_t{static_cast<uint8_t>(protocol)} << 16 | port;
}

// What decides, if it is no rule: the end of a tier, or nothing, and the packet passes.
constexpr uint64_t kUndecided = UINT64_MAX;
constexpr uint64_t end_of_tier(size_t tier) {
    return kUndecided - 1 - tier;
}

struct FrontendVerdict {
    uint64_t tag = 0;
    uint64_t rule = kUndecided;  // or the end of a tier
};
inline void append(RuleMask& mask, const FrontendVerdict& verdict) {
    mask.insert(mask.end(), {verdict.tag, verdict.rule});
}

inline bool has_rule(const RuleMask& mask, size_t rule) {
    return mask[rule / 64] >> (rule % 64) & 1;
}
inline void set_rule(RuleMask& mask, size_t rule) {
    mask[rule / 64] |= uint64_t{1} << (rule % 64);
}
RuleMask empty_mask(const resolve::DirectionPolicy& policy);

// Answers for single (class, port) pairs as the filled table would.
class RuleJudge {
  public:
    explicit RuleJudge(const resolve::DirectionPolicy& policy);
    // The rule or the end of a tier that decides, or kUndecided.
    [[nodiscard]] uint64_t deciding(const RuleMask& peers, Protocol protocol, uint16_t port) const;
    [[nodiscard]] bool allows(uint64_t deciding) const;
    // What decides where nothing is known of a destination: the last end that drops, else the first rule that denies;
    // kUndecided where nothing drops at all.
    [[nodiscard]] uint64_t refusal() const;
    // What every row, or every column, has.
    [[nodiscard]] const RuleMask& any_peer() const { return any_peer_; }
    [[nodiscard]] const RuleMask& any_port() const { return any_port_; }

  private:
    const resolve::DirectionPolicy& policy_;
    RuleMask any_peer_;
    RuleMask any_port_;
};

// For each class number that some rule of the policy holds by its peers (not by any_peer): the mask of those rules.
using ClassMasks = std::unordered_map<uint32_t, RuleMask>;

struct Table {
    resolve::PolicyPointer policy;
    std::vector<uint32_t> decisions;      // of each rule; CATFLAP_RULE_NONE of one that passes
    std::vector<uint32_t> end_decisions;  // of each tier; CATFLAP_RULE_NONE where its end passes

    std::vector<uint16_t> rows;     // by class number; padded with row_of({}) to whole pages
    std::vector<uint16_t> columns;  // by port class number; likewise
    uint32_t column_count = 0;
    std::vector<uint32_t> cells;
    std::map<RuleMask, uint16_t> row_of;  // of the masks that the table knows
    std::map<RuleMask, uint16_t> column_of;

    size_t mask_bytes = 0;  // of the masks that it was made of, at most

    // Where it lies, once placed.
    uint32_t rows_page = 0;
    uint32_t columns_page = 0;
    uint32_t cells_page = 0;

    [[nodiscard]] bool open() const { return policy->policies.empty(); }
    [[nodiscard]] uint32_t rows_pages() const;
    [[nodiscard]] uint32_t columns_pages() const;
    [[nodiscard]] uint32_t cells_pages() const;
    [[nodiscard]] catflap_table descriptor() const;
};

struct TableSize {
    uint32_t class_count = 0;  // bounds the numbers in use; more fit up to a page
    uint32_t port_class_count = 0;
    size_t max_cells = size_t{CATFLAP_TABLE_PAGES} * CATFLAP_PAGE_U32;
};

// Fills rows, columns, cells. Fails with kDoesNotFit when the policy tells more than 65,535 rows or columns apart, or
// needs more cells.
Result<> fill(Table& table, const ClassMasks& classes, const ClassMasks& ports, const TableSize& size);

}  // namespace catflap::compile
