// SPDX-License-Identifier: Apache-2.0
// What a commit leaves behind: the state that is loaded from then on, and what it retired, given back when no packet
// reads it any more.
#include <set>
#include <unordered_set>

#include "compile/commit/committer.h"

namespace catflap::compile {

void Committer::retire_table(const TablePointer& table) {
    if (table->open())
        return;
    loaded_.retiring.push_back(table);
    loaded_.pools.pages.retire(table->rows_page, table->rows_pages());
    loaded_.pools.pages.retire(table->columns_page, table->columns_pages());
    loaded_.pools.pages.retire(table->cells_page, table->cells_pages());
}

void Committer::retire_classes(const Basis& basis) {
    const auto& keys = basis.classification.keys();
    const std::unordered_set<std::string_view> wanted(keys.begin(), keys.end());
    std::erase_if(loaded_.class_keys, [&](const auto& entry) {
        if (wanted.contains(entry.second))
            return false;
        loaded_.pools.classes.retire(entry.first);
        return true;
    });
    const std::set<uint16_t> numbers(basis.port_numbers.begin(), basis.port_numbers.end());
    for (const auto& [port_class, number] : loaded_.port_numbers)
        if (!numbers.contains(number))
            loaded_.pools.port_classes.retire(number);
}

void Committer::retire_numbers(const Plan& plan, const EndpointPlan& endpoints) {
    Pools& pools = loaded_.pools;
    for (const uint32_t config : endpoints.retired_configs)
        pools.configs.retire(config);
    for (const uint32_t slot : endpoints.retired_slots)
        pools.slots.retire(slot);

    if (plan.new_basis)
        retire_classes(*plan.basis);
    if (plan.same_tables)
        return;
    std::set<TablePointer> used;
    for (const auto& [ifindex, endpoint] : loaded_.endpoints)
        for (const TablePointer& table : endpoint.tables)
            if (table)
                used.insert(table);
    std::set<TablePointer> known(loaded_.tables.begin(), loaded_.tables.end());
    known.insert(plan.new_tables.begin(), plan.new_tables.end());
    for (const TablePointer& table : known)
        if (!used.contains(table))
            retire_table(table);
    loaded_.tables.assign(used.begin(), used.end());
}

void Committer::remember(Plan&& plan, const EndpointPlan& endpoints) {
    loaded_.pools = std::move(plan.pools);
    if (plan.decisions)
        loaded_.decisions = std::move(*plan.decisions);
    loaded_.last_generation = endpoints.last_generation;
    for (const auto& [address, number] : plan.set_addresses)
        loaded_.addresses[address] = number;
    for (const Address& address : plan.remove_addresses)
        loaded_.addresses.erase(address);
    for (const auto& [prefix, number] : plan.set_prefixes)
        loaded_.prefixes[prefix] = number;
    for (const Prefix& prefix : plan.remove_prefixes)
        loaded_.prefixes.erase(prefix);
    for (const PortMove& move : plan.port_moves) {
        const auto protocol = std::ranges::find(kPortProtocols, move.protocol) - kPortProtocols.begin();
        auto& ports = loaded_.ports[static_cast<size_t>(protocol)];
        std::fill(ports.begin() + move.first, ports.begin() + move.last + 1, move.port_class);
    }
    for (const LoadedEndpoint& endpoint : endpoints.changed) {
        loaded_.endpoints[endpoint.spec.ifindex] = endpoint;
        withdrawn_.erase(endpoint.spec.ifindex);
    }
    for (const uint32_t ifindex : endpoints.gone) {
        loaded_.endpoints.erase(ifindex);
        withdrawn_.erase(ifindex);
    }
    loaded_.adopted.clear();

    // A number that went on under another key is not retired.
    const Basis& basis = *plan.basis;
    for (const uint32_t index : plan.new_classes) {
        const std::string& key = basis.classification.keys()[index];
        loaded_.class_keys[basis.numbers[index]] = key;
        loaded_.class_numbers[key] = basis.numbers[index];
    }
    retire_numbers(plan, endpoints);
    if (plan.new_basis)
        remember_basis(basis);
    loaded_.basis = std::move(plan.basis);
}

void Committer::remember_basis(const Basis& basis) {
    loaded_.label_keys = basis.classification.relevance().label_keys;
    loaded_.port_names = basis.classification.relevance().port_names;
    loaded_.class_numbers.clear();
    for (const auto& [number, key] : loaded_.class_keys)
        loaded_.class_numbers.emplace(key, number);
    loaded_.port_numbers.clear();
    for (size_t index = 0; index < basis.port_classes.size(); ++index)
        loaded_.port_numbers.emplace(basis.port_classes[index], basis.port_numbers[index]);
}

Result<std::vector<std::pair<uint32_t, DecisionKey>>> Committer::collect() {
    if (auto done = store_.wait_for_packets(); !done)
        return tl::unexpected(done.error());
    return after_grace_period();
}

std::vector<std::pair<uint32_t, DecisionKey>> Committer::after_grace_period() {
    loaded_.pools.classes.after_grace_period();
    loaded_.pools.port_classes.after_grace_period();
    loaded_.pools.configs.after_grace_period();
    loaded_.pools.slots.after_grace_period();
    loaded_.pools.pages.after_grace_period();
    loaded_.retiring.clear();

    std::set<uint32_t> used;
    for (const TablePointer& table : loaded_.tables) {
        used.insert(table->decisions.begin(), table->decisions.end());
        used.insert(table->end_decisions.begin(), table->end_decisions.end());
    }
    std::vector<std::pair<uint32_t, DecisionKey>> unused;
    for (const auto& [key, number] : loaded_.decisions.numbers())
        if (!used.contains(number))
            unused.emplace_back(number, key);
    return unused;
}

}  // namespace catflap::compile
