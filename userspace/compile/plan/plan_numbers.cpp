// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "compile/plan/planner.h"

namespace catflap::compile {

void Planner::number_port_classes() {
    std::map<PortClass, uint32_t> known;
    basis_->port_classes.push_back(PortClass{});
    known.emplace(PortClass{}, 0);
    for (const PortSegment& segment : segments_) {
        const auto [entry, added] =
            known.try_emplace(segment.port_class, static_cast<uint32_t>(basis_->port_classes.size()));
        if (added)
            basis_->port_classes.push_back(segment.port_class);
        segment_class_.push_back(entry->second);
    }
}

std::vector<std::optional<ClassNumber>> Planner::current_numbers() const {
    std::vector<std::optional<ClassNumber>> current(classification().classes().size());
    for (const auto& [address, entry] : classification().addresses())
        if (const auto old = loaded_.addresses.find(address); old != loaded_.addresses.end())
            current[entry.class_index] = old->second;
    for (const auto& [prefix, index] : classification().prefixes())
        if (const auto old = loaded_.prefixes.find(prefix); old != loaded_.prefixes.end())
            current[index] = old->second;
    return current;
}

bool Planner::judged_alike(uint32_t index, ClassNumber number) {
    return std::ranges::all_of(loaded_.tables, [&](const TablePointer& table) {
        const auto row = live_row(*table, index);
        return row && number < table->rows.size() && table->rows[number] == *row;
    });
}

std::optional<uint16_t> Planner::live_row(const Table& table, uint32_t index) {
    const auto row = table.row_of.find(live_mask(table, index));
    return row == table.row_of.end() ? std::nullopt : std::optional(row->second);
}

RuleMask Planner::live_mask(const Table& table, uint32_t index) {
    if (!plan_.new_basis)
        return masks_->peers_of_class(*table.policy, index);
    const auto [entry, added] = live_masks_.try_emplace(&table);
    if (added)
        entry->second = masks_->peers(*table.policy);
    const auto mask = entry->second.find(index);
    return mask == entry->second.end() ? empty_mask(*table.policy) : mask->second;
}

Result<> Planner::number_classes() {
    const auto& keys = classification().keys();
    const size_t known = basis_->numbers.size();
    basis_->numbers.resize(keys.size());
    is_fresh_.resize(keys.size());
    std::unordered_set<std::string_view> wanted;
    std::set<ClassNumber> claimed;
    std::vector<std::optional<ClassNumber>> current;
    if (plan_.new_basis) {
        wanted.insert(keys.begin(), keys.end());
        current = current_numbers();
    }
    for (auto index = static_cast<uint32_t>(known); index < keys.size(); ++index) {
        plan_.new_classes.push_back(index);
        if (const auto now = loaded_.class_numbers.find(keys[index]); now != loaded_.class_numbers.end()) {
            basis_->numbers[index] = now->second;
            continue;
        }
        const auto number = current.empty() ? std::nullopt : current[index];
        const bool orphan = number && *number != 0 && !wanted.contains(loaded_.class_keys.at(*number));
        if (orphan && !claimed.contains(*number) && judged_alike(index, *number)) {
            claimed.insert(*number);
            basis_->numbers[index] = *number;
            continue;
        }
        const auto fresh = plan_.pools.classes.take();
        if (!fresh)
            return does_not_fit("the policies for this node tell more than {} kinds of addresses apart",
                                loaded_.limits.classes - 1);
        basis_->numbers[index] = *fresh;
        fresh_classes_.push_back(index);
        is_fresh_[index] = true;
    }
    return {};
}

Result<> Planner::take_port_numbers() {
    std::set<PortClass> wanted(basis_->port_classes.begin(), basis_->port_classes.end());
    std::map<uint16_t, PortClass> classes_now;
    for (const auto& [port_class, number] : loaded_.port_numbers)
        classes_now.emplace(number, port_class);
    std::vector<std::optional<uint16_t>> current(basis_->port_classes.size());
    for (size_t i = 0; i < segments_.size(); ++i) {
        const auto protocol = std::ranges::find(kPortProtocols, segments_[i].protocol) - kPortProtocols.begin();
        current[segment_class_[i]] = loaded_.ports[static_cast<size_t>(protocol)][segments_[i].first];
    }
    std::set<uint16_t> claimed;
    basis_->port_numbers.resize(basis_->port_classes.size());
    for (uint32_t index = 0; index < basis_->port_classes.size(); ++index) {
        if (const auto known = loaded_.port_numbers.find(basis_->port_classes[index]);
            known != loaded_.port_numbers.end()) {
            basis_->port_numbers[index] = known->second;
            continue;
        }
        // Port 0 of class 0 means: never written. A range never changes, so going on with a number is neutral.
        const auto number = current[index];
        if (number && *number != 0 && !wanted.contains(classes_now.at(*number)) && claimed.insert(*number).second) {
            basis_->port_numbers[index] = *number;
            continue;
        }
        const auto fresh = plan_.pools.port_classes.take();
        if (!fresh)
            return does_not_fit("the policies for this node tell more than {} kinds of ports apart",
                                loaded_.limits.port_classes - 1);
        basis_->port_numbers[index] = static_cast<uint16_t>(*fresh);
        fresh_ports_.push_back(index);
    }
    return {};
}

}  // namespace catflap::compile
