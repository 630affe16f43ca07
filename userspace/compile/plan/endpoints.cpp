// SPDX-License-Identifier: Apache-2.0
#include "compile/plan/endpoints.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <unordered_map>

namespace catflap::compile {
namespace {

bool same_pod(const EndpointSpec& a, const EndpointSpec& b) {
    return a.pod && a.pod == b.pod && a.uid == b.uid;
}

class EndpointPlanner {
  public:
    EndpointPlanner(const Loaded& loaded, const Desired& desired, Plan& plan)
        : loaded_(loaded), desired_(desired), plan_(plan) {
        result_.last_generation = loaded.last_generation;
        for (const InPlaceWrite& write : plan.in_place)
            if (!write.is_column)
                rows_to_come_[{write.table.get(), write.index}] = write.value;
    }

    Result<EndpointPlan> run() {
        if (plan_.same_tables)
            return judge_again();
        std::set<uint32_t> present;
        for (const EndpointSpec& spec : desired_.endpoints) {
            present.insert(spec.ifindex);
            if (auto done = plan_one(spec); !done)
                return tl::unexpected(done.error());
        }
        for (const auto& [ifindex, endpoint] : loaded_.endpoints) {
            if (present.contains(ifindex))
                continue;
            result_.gone.push_back(ifindex);
            if (endpoint.config != 0)
                retire(endpoint, true);
        }
        // What nobody claimed in the first commit was left by pods that have gone.
        for (const auto& [ifindex, adopted] : loaded_.adopted)
            if (!claimed_.contains(ifindex))
                result_.retired_slots.push_back(adopted.slot);
        return std::move(result_);
    }

  private:
    void retire(const LoadedEndpoint& endpoint, bool with_slot) {
        result_.retired_configs.push_back(endpoint.config);
        if (with_slot)
            result_.retired_slots.push_back(endpoint.slot);
    }

    uint16_t row(const Table& table, ClassNumber number) const {
        const auto to_come = rows_to_come_.find({&table, number});
        if (to_come != rows_to_come_.end())
            return to_come->second;
        return number < table.rows.size() ? table.rows[number] : uint16_t{0};
    }

    // Some address changed between two classes that the table judges differently: flows to it must be judged again.
    bool touched(const Table& table) {
        if (table.open() || plan_.class_changes.empty())
            return false;
        const auto [entry, unknown] = touched_.try_emplace(&table);
        if (unknown)
            entry->second = std::ranges::any_of(plan_.class_changes, [&](const auto& change) {
                return row(table, change.first) != row(table, change.second);
            });
        return entry->second;
    }

    // The endpoints and their tables stay what they are: only flows may have to be judged again.
    Result<EndpointPlan> judge_again() {
        if (plan_.class_changes.empty())
            return std::move(result_);
        for (const auto& [ifindex, endpoint] : loaded_.endpoints) {
            if (!endpoint.spec.pod || (!touched(*endpoint.tables[0]) && !touched(*endpoint.tables[1])))
                continue;
            LoadedEndpoint next = endpoint;
            if (auto done = number(next, endpoint.slot, endpoint.first_generation); !done)
                return tl::unexpected(done.error());
            retire(endpoint, false);
            result_.changed.push_back(std::move(next));
        }
        return std::move(result_);
    }

    std::array<TablePointer, 2> tables_for(const ObjectName& pod) const {
        const auto& indices = desired_.resolved.endpoints.at(pod);
        return {plan_.tables[indices[0]], plan_.tables[indices[1]]};
    }

    Result<> plan_one(const EndpointSpec& spec) {
        const auto found = loaded_.endpoints.find(spec.ifindex);
        const LoadedEndpoint* old = found == loaded_.endpoints.end() ? nullptr : &found->second;
        LoadedEndpoint next;
        next.spec = spec;
        if (!spec.pod) {
            if (old && !old->spec.pod)
                return {};
            if (old)
                retire(*old, true);
            result_.changed.push_back(next);
            return {};
        }
        next.tables = tables_for(*spec.pod);
        const bool keeps_slot = old && same_pod(old->spec, spec);
        const bool same_addresses = keeps_slot && old->spec.addresses == spec.addresses;
        const bool judged_as_before =
            same_addresses && old->tables == next.tables && !touched(*next.tables[0]) && !touched(*next.tables[1]);
        if (judged_as_before && old->spec == spec)
            return {};
        if (const AdoptedSlot* adopted = old ? nullptr : claim(spec)) {
            const bool keeps_flows = adopted->addresses == spec.addresses;
            if (auto done =
                    number(next, adopted->slot, keeps_flows ? std::optional(adopted->first_generation) : std::nullopt);
                !done)
                return done;
        } else if (auto done = number(next, keeps_slot ? std::optional(old->slot) : std::nullopt,
                                      same_addresses ? std::optional(old->first_generation) : std::nullopt);
                   !done) {
            return done;
        }
        if (old && old->config != 0)
            retire(*old, !keeps_slot);
        result_.changed.push_back(std::move(next));
        return {};
    }

    const AdoptedSlot* claim(const EndpointSpec& spec) {
        const auto found = loaded_.adopted.find(spec.ifindex);
        if (found == loaded_.adopted.end() || found->second.pod_identity != pod_identity(spec))
            return nullptr;
        claimed_.insert(spec.ifindex);
        return &found->second;
    }

    // slot, first_generation: what the endpoint keeps.
    Result<> number(LoadedEndpoint& next, std::optional<uint32_t> slot, std::optional<uint32_t> first_generation) {
        const auto config = plan_.pools.configs.take();
        if (!slot) {
            slot = plan_.pools.slots.take();
            if (slot)
                result_.fresh_slots.push_back(*slot);
        }
        if (!config || !slot)
            return does_not_fit("no room for the endpoint of {} on {}: catflap enforces for {} pods of a node at most",
                                to_string(*next.spec.pod), next.spec.interface, loaded_.limits.endpoints);
        next.config = *config;
        next.slot = *slot;
        // A pod begins one generation before its first: flows of that one are the pod's, and were never judged.
        uint32_t& last = result_.last_generation[*slot];
        next.first_generation = first_generation ? *first_generation : ++last;
        next.generation = ++last;
        return {};
    }

    const Loaded& loaded_;
    const Desired& desired_;
    Plan& plan_;
    EndpointPlan result_;
    std::unordered_map<const Table*, bool> touched_;
    std::set<uint32_t> claimed_;                                             // ifindexes of loaded_.adopted
    std::map<std::pair<const Table*, ClassNumber>, uint16_t> rows_to_come_;  // of plan_.in_place
};

}  // namespace

Result<EndpointPlan> plan_endpoints(const Loaded& loaded, const Desired& desired, Plan& plan) {
    return EndpointPlanner(loaded, desired, plan).run();
}

std::array<uint64_t, 2> pod_identity(const EndpointSpec& spec) {
    if (!spec.pod)
        return {};
    const std::string text = to_string(*spec.pod) + "\n" + spec.uid;
    const std::hash<std::string> hash;
    return {hash(text), hash(text + "\n2")};
}

catflap_endpoint_config make_config(const LoadedEndpoint& endpoint) {
    catflap_endpoint_config config{};
    for (size_t i = 0; i < endpoint.spec.addresses.size(); ++i)
        std::memcpy(&config.address[i], endpoint.spec.addresses[i].bytes.data(), sizeof(config.address[i]));
    config.slot = endpoint.slot;
    config.generation = endpoint.generation;
    config.first_generation = endpoint.first_generation;
    const auto identity = pod_identity(endpoint.spec);
    std::ranges::copy(identity, config.pod_identity);
    for (size_t i = 0; i < endpoint.tables.size(); ++i)
        config.tables[i] = endpoint.tables[i]->descriptor();
    return config;
}

}  // namespace catflap::compile
