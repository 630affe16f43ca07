// SPDX-License-Identifier: Apache-2.0
// One policy table: which rules hold each address class and each port class, and the cell where they meet.
#pragma once

#include <catflap/abi.h>

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "compile/decision.h"
#include "compile/store.h"

namespace catflap::compile {

// A bit for each rule of the table.
using RuleMask = std::vector<uint64_t>;

inline bool has_rule(const RuleMask& mask, size_t rule) { return mask[rule / 64] >> (rule % 64) & 1; }
inline void set_rule(RuleMask& mask, size_t rule) { mask[rule / 64] |= uint64_t{1} << (rule % 64); }
RuleMask empty_mask(const resolve::DirectionPolicy& policy);

// For each class number that some rule of the policy holds by its peers (not by any_peer): the mask of those rules.
using ClassMasks = std::unordered_map<uint32_t, RuleMask>;

struct Table {
    resolve::DirectionPolicy policy;
    std::vector<uint32_t> decisions;  // of each rule
    uint32_t default_decision = CATFLAP_RULE_NONE;

    std::vector<uint16_t> rows;     // by class number; padded with row_of({}) to whole pages
    std::vector<uint16_t> columns;  // by port class number; likewise
    uint32_t column_count = 0;
    std::vector<uint32_t> cells;
    std::map<RuleMask, uint16_t> row_of;     // of the masks that the table knows
    std::map<RuleMask, uint16_t> column_of;

    // Where it lies, once placed.
    uint32_t rows_page = 0;
    uint32_t columns_page = 0;
    uint32_t cells_page = 0;

    [[nodiscard]] bool open() const { return policy.policies.empty(); }
    [[nodiscard]] uint32_t rows_pages() const;
    [[nodiscard]] uint32_t columns_pages() const;
    [[nodiscard]] uint32_t cells_pages() const;
    [[nodiscard]] catflap_table descriptor() const;
};

// Fills rows, columns, cells. class_count and port_class_count bound the numbers in use; more fit up to a page.
// Fails when the policy tells more than 65,536 rows or columns apart.
Result<> fill(Table& table, const ClassMasks& classes, const ClassMasks& ports, uint32_t class_count,
              uint32_t port_class_count);

}  // namespace catflap::compile
