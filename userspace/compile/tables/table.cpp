// SPDX-License-Identifier: Apache-2.0
#include "compile/tables/table.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>

namespace catflap::compile {
namespace {

constexpr size_t kMaxRows = std::numeric_limits<uint16_t>::max();

uint32_t pages_for(size_t elements, size_t per_page) {
    return static_cast<uint32_t>((elements + per_page - 1) / per_page);
}

// Gives every number its mask's index; numbers without a mask, and the rest of the last page, get the empty mask's.
Result<> index_masks(const ClassMasks& masks, uint32_t count, const resolve::DirectionPolicy& policy,
                     std::vector<uint16_t>& indices, std::map<RuleMask, uint16_t>& index_of) {
    index_of[empty_mask(policy)] = 0;
    indices.assign(size_t{pages_for(count, CATFLAP_PAGE_U16)} * CATFLAP_PAGE_U16, 0);
    for (const auto& [number, mask] : masks) {
        const auto [entry, added] = index_of.try_emplace(mask, static_cast<uint16_t>(index_of.size()));
        if (index_of.size() > kMaxRows)
            return does_not_fit("the policies of a pod ({} and others) tell more than {} classes apart",
                                to_string(policy.policies.front()), kMaxRows);
        indices[number] = entry->second;
    }
    return {};
}

RuleMask join(const RuleMask& a, const RuleMask& b) {
    RuleMask both(b.size());
    for (size_t i = 0; i < both.size(); ++i)
        both[i] = a[i] | b[i];
    return both;
}

// The first rule of first .. last - 1, in order, that both hold; `last`: none.
size_t first_common(const RuleMask& row, const RuleMask& column, size_t first, size_t last) {
    uint64_t wanted = ~uint64_t{0} << (first % 64);
    for (size_t word = first / 64; word * 64 < last; ++word, wanted = ~uint64_t{0})
        if (const uint64_t both = row[word] & column[word] & wanted)
            return std::min(last, word * 64 + static_cast<size_t>(std::countr_zero(both)));
    return last;
}

// Tier by tier. NetworkPolicy alone is one tier: the first rule that both hold, or its end.
uint64_t decide(const resolve::DirectionPolicy& policy, const RuleMask& row, const RuleMask& column) {
    size_t first = 0;
    for (size_t tier = 0; tier < policy.tiers.size(); ++tier) {
        const size_t end = policy.tiers[tier].rules_end;
        const size_t rule = first_common(row, column, first, end);
        if (rule != end && policy.rules[rule].action != resolve::Action::pass)
            return rule;
        if (rule == end && policy.tiers[tier].at_end == resolve::Action::deny)
            return end_of_tier(tier);
        first = end;
    }
    return kUndecided;
}

bool is_allowed(const resolve::DirectionPolicy& policy, uint64_t deciding) {
    return deciding == kUndecided ||
           (deciding < policy.rules.size() && policy.rules[deciding].action == resolve::Action::allow);
}

uint32_t cell_of(const Table& table, uint64_t deciding) {
    if (deciding == kUndecided)
        return CATFLAP_CELL_ALLOW | CATFLAP_RULE_NONE;
    if (deciding >= table.policy->rules.size())
        return table.end_decisions[end_of_tier(0) - deciding];
    return table.decisions[deciding] | (is_allowed(*table.policy, deciding) ? CATFLAP_CELL_ALLOW : 0);
}

// What a frontend's row says of a Service's port, if it differs from what its bits say.
std::optional<uint64_t> frontend_rule(const RuleMask& row, const RuleMask& column) {
    for (size_t i = column.size(); column.back() != 0 && i + 1 < row.size(); i += 2)
        if (row[i] == column.back())
            return row[i + 1];
    return std::nullopt;
}

}  // namespace

RuleMask empty_mask(const resolve::DirectionPolicy& policy) {
    return RuleMask((policy.rules.size() + 63) / 64 + 1);
}

RuleJudge::RuleJudge(const resolve::DirectionPolicy& policy)
    : policy_(policy), any_peer_(empty_mask(policy)), any_port_(empty_mask(policy)) {
    for (size_t rule = 0; rule < policy.rules.size(); ++rule) {
        if (policy.rules[rule].any_peer)
            set_rule(any_peer_, rule);
        if (policy.rules[rule].any_port)
            set_rule(any_port_, rule);
    }
}

uint64_t RuleJudge::deciding(const RuleMask& peers, Protocol protocol, uint16_t port) const {
    RuleMask ports = any_port_;
    for (size_t rule = 0; rule < policy_.rules.size(); ++rule)
        for (const resolve::PortRange& range : policy_.rules[rule].ports)
            if (range.protocol == protocol && range.first <= port && port <= range.last)
                set_rule(ports, rule);
    return decide(policy_, join(peers, any_peer_), ports);
}

bool RuleJudge::allows(uint64_t deciding) const {
    return is_allowed(policy_, deciding);
}

uint64_t RuleJudge::refusal() const {
    for (size_t tier = policy_.tiers.size(); tier > 0; --tier)
        if (policy_.tiers[tier - 1].at_end == resolve::Action::deny)
            return end_of_tier(tier - 1);
    const auto deny = std::ranges::find(policy_.rules, resolve::Action::deny, &resolve::Rule::action);
    return deny == policy_.rules.end() ? kUndecided : static_cast<uint64_t>(deny - policy_.rules.begin());
}

uint32_t Table::rows_pages() const {
    return pages_for(rows.size(), CATFLAP_PAGE_U16);
}
uint32_t Table::columns_pages() const {
    return pages_for(columns.size(), CATFLAP_PAGE_U16);
}
uint32_t Table::cells_pages() const {
    return pages_for(cells.size(), CATFLAP_PAGE_U32);
}

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

Result<> fill(Table& table, const ClassMasks& classes, const ClassMasks& ports, const TableSize& size) {
    const RuleJudge judge(*table.policy);
    if (auto done = index_masks(classes, size.class_count, *table.policy, table.rows, table.row_of); !done)
        return done;
    if (auto done = index_masks(ports, size.port_class_count, *table.policy, table.columns, table.column_of); !done)
        return done;

    table.column_count = static_cast<uint32_t>(table.column_of.size());
    if (table.row_of.size() * table.column_of.size() > size.max_cells)
        return does_not_fit(
            "the table for the policies of a pod ({} and others) has {} rows and {} columns, and {} cells is the most "
            "that map table_pages holds",
            to_string(table.policy->policies.front()), table.row_of.size(), table.column_of.size(), size.max_cells);
    table.cells.assign(table.row_of.size() * table.column_count, 0);
    for (const auto& [row_mask, row] : table.row_of) {
        const RuleMask peers = join(row_mask, judge.any_peer());
        for (const auto& [column_mask, column] : table.column_of) {
            const uint64_t by_bits = decide(*table.policy, peers, join(column_mask, judge.any_port()));
            const uint64_t deciding = frontend_rule(row_mask, column_mask).value_or(by_bits);
            table.cells[size_t{row} * table.column_count + column] = cell_of(table, deciding);
        }
    }
    return {};
}

}  // namespace catflap::compile
