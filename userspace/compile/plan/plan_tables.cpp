// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "compile/plan/planner.h"

namespace catflap::compile {

Result<> Planner::place(const TablePointer& table) {
    const auto& policy = *table->policy;
    for (uint32_t* page : {&table->rows_page, &table->columns_page, &table->cells_page}) {
        const uint32_t count = page == &table->rows_page      ? table->rows_pages()
                               : page == &table->columns_page ? table->columns_pages()
                                                              : table->cells_pages();
        const auto first = plan_.pools.pages.take(count);
        if (!first)
            return does_not_fit(
                "the table for the policies of a pod ({}{}, {} rows, {} columns) does not fit: {} of {} pages "
                "of table_pages are free, {} are needed in a row",
                to_string(policy.policies.front()),
                policy.policies.size() > 1 ? fmt::format(" and {} more", policy.policies.size() - 1) : "",
                table->row_of.size(), table->column_of.size(), plan_.pools.pages.free_pages(),
                plan_.pools.pages.pages(), count);
        *page = *first;
    }
    plan_.new_tables.push_back(table);
    return {};
}

std::set<uint32_t> Planner::fresh_numbers() const {
    std::set<uint32_t> numbers;
    for (const uint32_t index : fresh_classes_)
        numbers.insert(basis_->numbers[index]);
    return numbers;
}

std::set<uint32_t> Planner::fresh_port_numbers() const {
    std::set<uint32_t> numbers;
    for (const uint32_t index : fresh_ports_)
        numbers.insert(basis_->port_numbers[index]);
    return numbers;
}

void Planner::keep_orphans(const std::vector<uint16_t>& old_indices, const std::map<RuleMask, uint16_t>& index_of,
                           const std::set<uint32_t>& fresh, ClassMasks& masks, uint32_t& count) {
    std::map<uint16_t, const RuleMask*> mask_of;
    for (const auto& [mask, index] : index_of)
        mask_of.emplace(index, &mask);
    for (uint32_t number = 0; number < old_indices.size(); ++number) {
        if (old_indices[number] == 0 || fresh.contains(number))
            continue;
        masks.emplace(number, *mask_of.at(old_indices[number]));
        count = std::max(count, number + 1);
    }
}

DecisionRegistry& Planner::decisions() {
    if (!plan_.decisions)
        plan_.decisions = loaded_.decisions;
    return *plan_.decisions;
}

// Masks are made before it is known how many are alike: what is bounded is what has to be held at once.
size_t Planner::mask_bytes(const resolve::DirectionPolicy& policy) {
    std::vector<bool> held(classification().classes().size());
    std::set<resolve::PortRange> ranges;
    for (const resolve::Rule& rule : policy.rules) {
        for (const resolve::SourceSet& set : rule.peers)
            for (const uint32_t index : masks_->members(set))
                held[index] = true;
        ranges.insert(rule.ports.begin(), rule.ports.end());
    }
    const auto is_held = [&](const PortClass& ports) {
        return std::ranges::any_of(ports.ranges, [&](const auto& range) { return ranges.contains(range); });
    };
    auto masks =
        static_cast<size_t>(std::ranges::count(held, true) + std::ranges::count_if(basis_->port_classes, is_held));
    if (policy.direction == resolve::Direction::egress)
        for (const resolve::Frontend& frontend : desired_.frontends)
            masks += 1 + frontend.ports.size();
    return masks * empty_mask(policy).size() * sizeof(uint64_t);
}

Result<> Planner::check_masks(const resolve::DirectionPolicy& policy, size_t bytes) const {
    constexpr size_t kMiB = size_t{1} << 20;
    if (bytes <= loaded_.limits.mask_bytes)
        return {};
    return does_not_fit(
        "the tables of this node would take {} MiB of the agent's memory, up to that for the policies of a pod ({}{}, "
        "{} rules), and may take {}: fewer rules, or ranges of ports (endPort) in place of single ones",
        (bytes + kMiB - 1) / kMiB, to_string(policy.policies.front()),
        policy.policies.size() > 1 ? fmt::format(" and {} more", policy.policies.size() - 1) : "", policy.rules.size(),
        loaded_.limits.mask_bytes / kMiB);
}

// No packet ends at a rule or an end that passes on, so these have none.
Result<> Planner::number_decisions(Table& table) {
    const resolve::DirectionPolicy& policy = *table.policy;
    const auto add = [&](std::vector<uint32_t>& numbers, bool passes, const auto& key) -> Result<> {
        if (passes) {
            numbers.push_back(CATFLAP_RULE_NONE);
            return {};
        }
        const auto number = decisions().number(key());
        if (!number)
            return tl::unexpected(number.error());
        numbers.push_back(*number);
        return {};
    };
    for (const resolve::Rule& rule : policy.rules)
        if (auto done = add(table.decisions, rule.action == resolve::Action::pass,
                            [&] { return rule_decision(policy.direction, rule); });
            !done)
            return done;
    for (size_t tier = 0; tier < policy.tiers.size(); ++tier)
        if (auto done = add(table.end_decisions, policy.tiers[tier].at_end == resolve::Action::pass,
                            [&] { return end_decision(policy, tier); });
            !done)
            return done;
    return {};
}

Result<TablePointer> Planner::build(const resolve::PolicyPointer& pointer, const Table* old) {
    auto table = std::make_shared<Table>();
    table->policy = pointer;
    if (table->open())
        return table;
    const resolve::DirectionPolicy& policy = *pointer;
    table->mask_bytes = mask_bytes(policy);
    if (auto done = check_masks(policy, table->mask_bytes + (old ? 0 : mask_bytes_)); !done)
        return tl::unexpected(done.error());
    if (auto done = number_decisions(*table); !done)
        return tl::unexpected(done.error());

    ClassMasks classes;
    ClassMasks ports;
    uint32_t class_count = 1;
    uint32_t port_class_count = 1;
    for (auto& [index, mask] : masks_->peers(policy))
        if (!old || is_fresh_[index])
            classes.emplace(basis_->numbers[index], std::move(mask));
    for (auto& [index, mask] : masks_->ports(policy))
        if (!old || std::ranges::find(fresh_ports_, index) != fresh_ports_.end())
            ports.emplace(basis_->port_numbers[index], std::move(mask));
    for (const ClassNumber one : basis_->numbers)
        class_count = std::max(class_count, one + 1);
    for (const uint16_t one : basis_->port_numbers)
        port_class_count = std::max<uint32_t>(port_class_count, one + 1U);
    if (old) {
        keep_orphans(old->rows, old->row_of, fresh_numbers(), classes, class_count);
        keep_orphans(old->columns, old->column_of, fresh_port_numbers(), ports, port_class_count);
    }
    const size_t max_cells = size_t{loaded_.limits.pages} * CATFLAP_PAGE_U32;
    if (auto done = fill(*table, classes, ports, {class_count, port_class_count, max_cells}); !done)
        return tl::unexpected(done.error());
    if (auto done = place(table); !done)
        return tl::unexpected(done.error());
    return table;
}

std::optional<ClassNumber> Planner::left_by(uint32_t index) {
    if (!left_by_) {
        left_by_.emplace();
        for_each_moving([&](const Address& address, std::optional<ClassNumber> old, uint32_t to) {
            if (!is_fresh_[to])
                return;
            const uint32_t outside = classification().class_outside(address);
            if (!old && !is_fresh_[outside])
                old = basis_->numbers[outside];
            const auto [entry, added] = left_by_->try_emplace(to, old);
            if (!added && entry->second != old)
                entry->second.reset();
        });
        for (const auto& [prefix, to] : classification().prefixes())
            if (is_fresh_[to])
                (*left_by_)[to].reset();
    }
    const auto found = left_by_->find(index);
    return found == left_by_->end() ? std::nullopt : found->second;
}

std::optional<uint16_t> Planner::row_as_before(const Table& table, uint32_t index) {
    const auto number = left_by(index);
    return number && *number < table.rows.size() ? std::optional(table.rows[*number]) : std::nullopt;
}

bool Planner::write_in_place(const TablePointer& table) {
    std::vector<InPlaceWrite> writes;
    for (const uint32_t index : fresh_classes_) {
        auto row = live_row(*table, index);
        if (!row) {
            outdated_.insert(table.get());
            row = row_as_before(*table, index);
        }
        if (!row || basis_->numbers[index] >= table->rows.size())
            return false;
        writes.push_back({table, false, basis_->numbers[index], *row});
    }
    if (fresh_ports_.empty() && writes.empty())
        return true;
    const IndexMasks ports = masks_->ports(*table->policy);
    for (const uint32_t index : fresh_ports_) {
        const auto mask = ports.find(index);
        const auto column = table->column_of.find(mask == ports.end() ? empty_mask(*table->policy) : mask->second);
        if (column == table->column_of.end() || basis_->port_numbers[index] >= table->columns.size())
            return false;
        writes.push_back({table, true, basis_->port_numbers[index], column->second});
    }
    plan_.in_place.insert(plan_.in_place.end(), writes.begin(), writes.end());
    return true;
}

Result<> Planner::extend_live_tables() {
    for (const TablePointer& table : loaded_.tables) {
        if (table->open() || write_in_place(table))
            continue;
        auto copy = build(table->policy, table.get());
        if (!copy)
            return tl::unexpected(copy.error());
        plan_.extended.emplace_back(table, *copy);
    }
    // A packet that is still under way by a retired table must find the new classes too, where it has a row.
    for (const TablePointer& table : loaded_.retiring)
        if (!table->open() && !write_in_place(table))
            plan_.needs_grace = true;
    return {};
}

bool Planner::still_true(const Table& table) {
    for (uint32_t index = 0; index < basis_->numbers.size(); ++index) {
        if (is_fresh_[index])
            continue;
        const auto row = live_row(table, index);
        if (!row || basis_->numbers[index] >= table.rows.size() || table.rows[basis_->numbers[index]] != *row)
            return false;
    }
    return true;
}

TablePointer Planner::reusable(const resolve::PolicyPointer& policy) {
    const auto fits = [&](const TablePointer& table) {
        return table->open() || (!outdated_.contains(table.get()) && (!plan_.new_basis || still_true(*table)));
    };
    if (const auto same = live_.find(policy.get()); same != live_.end())
        return fits(same->second) ? same->second : nullptr;
    for (const TablePointer& table : loaded_.tables)
        if (*table->policy == *policy && fits(table))
            return table;
    return nullptr;
}

Result<> Planner::make_tables() {
    for (const TablePointer& table : loaded_.tables)
        live_.emplace(table->policy.get(), table);
    for (const resolve::PolicyPointer& policy : desired_.resolved.policies) {
        TablePointer table = reusable(policy);
        if (!table) {
            auto built = build(policy);
            if (!built)
                return tl::unexpected(built.error());
            table = *built;
        }
        mask_bytes_ += table->mask_bytes;
        if (auto done = check_masks(*policy, mask_bytes_); !done)
            return done;
        plan_.tables.push_back(std::move(table));
    }
    return {};
}

}  // namespace catflap::compile
