// SPDX-License-Identifier: Apache-2.0
#include "compile/commit/committer.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string_view>
#include <unordered_set>

namespace catflap::compile {
namespace {

// rows[] and columns[] are uint16_t, pages are written in words; both are whole pages.
std::vector<uint32_t> as_words(const std::vector<uint16_t>& values) {
    std::vector<uint32_t> words(values.size() / 2);
    std::memcpy(words.data(), values.data(), values.size() * sizeof(uint16_t));
    return words;
}

}  // namespace

Result<CommitReport> Committer::commit(const Desired& desired) {
    ++retirements_;
    pending_.append(desired.changes);
    same_endpoints_ &= desired.same_endpoints;
    const Desired since_success{desired.cluster, desired.resolved, desired.endpoints, desired.frontends,
                                pending_,        same_endpoints_,  desired.departed};
    auto report = commit_pending(since_success);
    if (report) {
        pending_ = {};
        same_endpoints_ = true;
    } else if (!loaded_.basis) {
        pending_ = Changes::all();  // the next one starts from the whole cluster
    }
    return report;
}

Result<CommitReport> Committer::commit_pending(const Desired& desired) {
    if (broken_)
        return fail("an earlier commit failed half way");
    if (loaded_.pools.is_short(kOfSoMany))
        if (auto done = collect(); !done) {
            // The agent may have forgotten departed pods with the change that this commit does not take in.
            if (loaded_.basis)
                loaded_.basis->doubted = true;
            return tl::unexpected(done.error());
        }
    auto plan = plan_with_room(desired);
    if (!plan)
        return tl::unexpected(plan.error());
    auto endpoints = plan_endpoints(loaded_, desired, *plan);
    if (!endpoints)
        return tl::unexpected(endpoints.error());
    CommitReport report;
    auto left_out = leave_out(*endpoints, plan->pools);
    if (!plan->same_tables)
        without_place_ = std::move(left_out);
    report.without_place = without_place_;
    if (auto done = execute(*plan, *endpoints); !done) {
        broken_ = true;
        return tl::unexpected(done.error());
    }
    // A basis that goes on goes on with what was left before, too.
    leftovers_ = plan->leftovers || (leftovers_ && !plan->new_basis);
    report.endpoints_changed = endpoints->changed.size() + endpoints->gone.size();
    report.addresses_changed = plan->set_addresses.size() + plan->remove_addresses.size();
    report.prefixes_changed = plan->set_prefixes.size() + plan->remove_prefixes.size();
    report.tables_written = plan->new_tables.size();
    report.mixed_services = plan->mixed;
    report.anew = plan->new_basis;
    remember(std::move(*plan), *endpoints);
    return report;
}

Result<Plan> Committer::plan_with_room(const Desired& desired) {
    // A plan that fails half way leaves a basis behind that nothing goes on from. And what is left over goes with a new
    // one.
    auto basis = std::exchange(loaded_.basis, nullptr);
    if (leftovers_ && loaded_.retiring.empty())
        basis.reset();
    auto plan = make_plan(loaded_, desired, std::move(basis));
    if (!plan || plan->extended.empty())
        return plan;
    if (auto done = extend(*plan); !done) {
        broken_ = true;
        return tl::unexpected(done.error());
    }
    if (auto done = store_.wait_for_packets(); !done)
        return tl::unexpected(done.error());
    auto second = make_plan(loaded_, desired, nullptr);
    if (second && !second->extended.empty())
        return fail("tables without room for a new class, after room was made; a defect of catflap, please report it");
    return second;
}

Result<> Committer::execute(const Plan& plan, const EndpointPlan& endpoints) {
    if (auto done = populate(plan, endpoints); !done)
        return done;
    if (plan.needs_grace)
        if (auto done = store_.wait_for_packets(); !done)
            return done;
    if (auto done = move(plan); !done)
        return done;
    if (auto done = store_.order(); !done)
        return done;
    return publish(endpoints);
}

Result<> Committer::write_table(const Table& table) {
    if (auto done = store_.write_pages(table.rows_page, as_words(table.rows)); !done)
        return done;
    if (auto done = store_.write_pages(table.columns_page, as_words(table.columns)); !done)
        return done;
    return store_.write_pages(table.cells_page, table.cells);
}

Result<> Committer::populate(const Plan& plan, const EndpointPlan& endpoints) {
    if (plan.decisions)
        for (const auto& [key, number] : plan.decisions->numbers())
            if (!loaded_.decisions.numbers().contains(key))
                if (auto done = store_.name_decision(number, key); !done)
                    return done;
    for (const TablePointer& table : plan.new_tables)
        if (auto done = write_table(*table); !done)
            return done;
    for (const InPlaceWrite& write : plan.in_place) {
        const uint32_t page = write.is_column ? write.table->columns_page : write.table->rows_page;
        if (auto done = store_.set_u16(page, write.index, write.value); !done)
            return done;
        (write.is_column ? write.table->columns : write.table->rows)[write.index] = write.value;
        if (write.value != 0)  // as many as if the table had been made with it
            write.table->mask_bytes += empty_mask(*write.table->policy).size() * sizeof(uint64_t);
    }
    for (const uint32_t slot : endpoints.fresh_slots)
        if (auto done = store_.clear_endpoint_counters(slot); !done)
            return done;
    return {};
}

// Live tables that had no row or no room for a new class: their endpoints go over to a copy which has.
Result<> Committer::extend(Plan& plan) {
    loaded_.pools.pages = plan.pools.pages;
    for (const auto& [old_table, copy] : plan.extended) {
        if (auto done = write_table(*copy); !done)
            return done;
        for (auto& [ifindex, endpoint] : loaded_.endpoints) {
            if (std::ranges::find(endpoint.tables, old_table) == endpoint.tables.end())
                continue;
            const auto config = loaded_.pools.configs.take();
            if (!config)
                return fail("no free endpoint config");
            std::ranges::replace(endpoint.tables, old_table, copy);
            endpoint.generation = ++loaded_.last_generation[endpoint.slot];
            loaded_.pools.configs.retire(std::exchange(endpoint.config, *config));
            if (auto done = store_.write_config(endpoint.config, make_config(endpoint)); !done)
                return done;
            if (auto done = store_.order(); !done)
                return done;
            if (auto done = store_.publish(ifindex, endpoint.config); !done)
                return done;
        }
        retire_table(old_table);
        std::ranges::replace(loaded_.tables, old_table, copy);
    }
    return {};
}

void Committer::adopt_slot(uint32_t ifindex, const AdoptedSlot& adopted) {
    if (loaded_.adopted.emplace(ifindex, adopted).second)
        loaded_.pools.slots.reserve(adopted.slot);
}

Result<> Committer::move(const Plan& plan) {
    if (!plan.set_prefixes.empty())
        if (auto done = store_.set_prefixes(plan.set_prefixes); !done)
            return done;
    // No live table tells their addresses from the broader prefix's; the tables to come have no row for them.
    if (!plan.remove_prefixes.empty())
        if (auto done = store_.remove_prefixes(plan.remove_prefixes); !done)
            return done;
    for (const PortMove& move : plan.port_moves)
        if (auto done = store_.set_ports(move.protocol, move.first, move.last, move.port_class); !done)
            return done;
    if (!plan.set_addresses.empty())
        if (auto done = store_.set_addresses(plan.set_addresses); !done)
            return done;
    return plan.remove_addresses.empty() ? Result<>{} : store_.remove_addresses(plan.remove_addresses);
}

Result<> Committer::publish(const EndpointPlan& endpoints) {
    for (const LoadedEndpoint& endpoint : endpoints.changed)
        if (endpoint.config != 0)
            if (auto done = store_.write_config(endpoint.config, make_config(endpoint)); !done)
                return done;
    if (auto done = store_.order(); !done)
        return done;
    for (const LoadedEndpoint& endpoint : endpoints.changed)
        if (auto done = endpoint.config != 0 ? store_.publish(endpoint.spec.ifindex, endpoint.config)
                                             : store_.withdraw(endpoint.spec.ifindex);
            !done)
            return done;
    for (const uint32_t ifindex : endpoints.gone)
        if (auto done = store_.withdraw(ifindex); !done)
            return done;
    return {};
}

// An interface without a place in the directory is closed, as one without a pod is: the others go on.
std::vector<EndpointSpec> Committer::leave_out(EndpointPlan& endpoints, Pools& pools) const {
    std::vector<EndpointSpec> left_out;
    std::erase_if(endpoints.changed, [&](const LoadedEndpoint& endpoint) {
        if (endpoint.config == 0 || store_.has_place(endpoint.spec.ifindex))
            return false;
        pools.configs.retire(endpoint.config);
        if (std::ranges::find(endpoints.fresh_slots, endpoint.slot) != endpoints.fresh_slots.end())
            endpoints.retired_slots.push_back(endpoint.slot);
        left_out.push_back(endpoint.spec);
        return true;
    });
    return left_out;
}

Result<> Committer::withdraw_if_another(uint32_t ifindex, const std::string& interface) {
    const auto known = loaded_.endpoints.find(ifindex);
    if (known == loaded_.endpoints.end() || known->second.spec.interface == interface)
        return {};
    withdrawn_.insert(ifindex);
    return store_.withdraw(ifindex);
}

}  // namespace catflap::compile
