// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "compile/plan/planner.h"

namespace catflap::compile {

ClassNumber Planner::without_pod(const Address& address) const {
    return basis_->numbers[classification().class_outside(address)];
}

void Planner::move_addresses() {
    for_each_moving([&](const Address& address, std::optional<ClassNumber> old, uint32_t to) {
        const ClassNumber number = basis_->numbers[to];
        if (old == number)
            return;
        plan_.set_addresses.emplace_back(address, number);
        plan_.class_changes.emplace(old ? *old : without_pod(address), number);
    });
    const auto remove_if_gone = [&](const Address& address, ClassNumber number) {
        if (classification().addresses().contains(address))
            return;
        plan_.remove_addresses.push_back(address);
        plan_.class_changes.emplace(number, without_pod(address));
    };
    if (plan_.new_basis)
        for (const auto& [address, number] : loaded_.addresses)
            remove_if_gone(address, number);
    for (const Address& address : touched_)
        if (const auto loaded = loaded_.addresses.find(address); loaded != loaded_.addresses.end())
            remove_if_gone(address, loaded->second);
}

void Planner::move_prefixes() {
    std::set<Prefix> wanted;
    for (const auto& [prefix, index] : classification().prefixes()) {
        wanted.insert(prefix);
        const auto old = loaded_.prefixes.find(prefix);
        if (old == loaded_.prefixes.end() || old->second != basis_->numbers[index])
            plan_.set_prefixes.emplace_back(prefix, basis_->numbers[index]);
    }
    for (const auto& [prefix, number] : loaded_.prefixes)
        if (!wanted.contains(prefix))
            plan_.remove_prefixes.push_back(prefix);
}

void Planner::move_ports() {
    for (size_t i = 0; i < segments_.size(); ++i) {
        const PortSegment& segment = segments_[i];
        const auto protocol = std::ranges::find(kPortProtocols, segment.protocol) - kPortProtocols.begin();
        const auto& now = loaded_.ports[static_cast<size_t>(protocol)];
        const uint16_t number = basis_->port_numbers[segment_class_[i]];
        const auto differs = [&](uint16_t one) { return one != number; };
        if (std::any_of(now.begin() + segment.first, now.begin() + segment.last + 1, differs))
            plan_.port_moves.push_back({segment.protocol, segment.first, segment.last, number});
    }
}

}  // namespace catflap::compile
