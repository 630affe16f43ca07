// SPDX-License-Identifier: Apache-2.0
#include "compile/table.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace catflap::compile {
namespace {

constexpr size_t kMaxRows = std::numeric_limits<uint16_t>::max();

uint32_t pages_for(size_t elements, size_t per_page) {
    return static_cast<uint32_t>((elements + per_page - 1) / per_page);
}

// Gives every number its mask's index; numbers without a mask, and the rest of the last page, get the empty mask's.
Result<> index_masks(const ClassMasks& masks, const RuleMask& empty, uint32_t count, const ObjectName& policy,
                     std::vector<uint16_t>& indices, std::map<RuleMask, uint16_t>& index_of) {
    index_of[empty] = 0;
    indices.assign(size_t{pages_for(count, CATFLAP_PAGE_U16)} * CATFLAP_PAGE_U16, 0);
    for (const auto& [number, mask] : masks) {
        const auto [entry, added] = index_of.try_emplace(mask, static_cast<uint16_t>(index_of.size()));
        if (index_of.size() > kMaxRows)
            return fail("the policies of a pod ({} and others) tell more than {} classes apart", to_string(policy),
                        kMaxRows);
        indices[number] = entry->second;
    }
    return {};
}

RuleMask join(const RuleMask& a, const RuleMask& b) {
    RuleMask both(a.size());
    for (size_t i = 0; i < a.size(); ++i)
        both[i] = a[i] | b[i];
    return both;
}

// The first rule, in order, that holds both; the default where none does.
uint32_t cell(const Table& table, const RuleMask& row, const RuleMask& column) {
    for (size_t word = 0; word < row.size(); ++word) {
        const uint64_t both = row[word] & column[word];
        if (!both)
            continue;
        const size_t rule = word * 64 + static_cast<size_t>(std::countr_zero(both));
        const bool allow = table.policy.rules[rule].action == resolve::Action::allow;
        return table.decisions[rule] | (allow ? CATFLAP_CELL_ALLOW : 0);
    }
    return table.default_decision;
}

}  // namespace

RuleMask empty_mask(const resolve::DirectionPolicy& policy) { return RuleMask((policy.rules.size() + 63) / 64); }

uint32_t Table::rows_pages() const { return pages_for(rows.size(), CATFLAP_PAGE_U16); }
uint32_t Table::columns_pages() const { return pages_for(columns.size(), CATFLAP_PAGE_U16); }
uint32_t Table::cells_pages() const { return pages_for(cells.size(), CATFLAP_PAGE_U32); }

catflap_table Table::descriptor() const {
    catflap_table table{};
    table.open = open();
    if (open())
        return table;
    table.rows_page = rows_page;
    table.columns_page = columns_page;
    table.cells_page = cells_page;
    table.class_count = static_cast<uint32_t>(rows.size());
    table.port_class_count = static_cast<uint32_t>(columns.size());
    table.column_count = column_count;
    table.cell_count = static_cast<uint32_t>(cells.size());
    return table;
}

Result<> fill(Table& table, const ClassMasks& classes, const ClassMasks& ports, uint32_t class_count,
              uint32_t port_class_count) {
    RuleMask any_peer = empty_mask(table.policy);
    RuleMask any_port = any_peer;
    for (size_t rule = 0; rule < table.policy.rules.size(); ++rule) {
        if (table.policy.rules[rule].any_peer)
            set_rule(any_peer, rule);
        if (table.policy.rules[rule].any_port)
            set_rule(any_port, rule);
    }
    const RuleMask empty = empty_mask(table.policy);
    const ObjectName& name = table.policy.policies.front();
    if (auto done = index_masks(classes, empty, class_count, name, table.rows, table.row_of); !done)
        return done;
    if (auto done = index_masks(ports, empty, port_class_count, name, table.columns, table.column_of); !done)
        return done;

    table.column_count = static_cast<uint32_t>(table.column_of.size());
    table.cells.assign(table.row_of.size() * table.column_count, 0);
    for (const auto& [row_mask, row] : table.row_of) {
        const RuleMask peers = join(row_mask, any_peer);
        for (const auto& [column_mask, column] : table.column_of)
            table.cells[size_t{row} * table.column_count + column] = cell(table, peers, join(column_mask, any_port));
    }
    return {};
}

}  // namespace catflap::compile
