// SPDX-License-Identifier: Apache-2.0
#include "agent/report_ebpf.h"

#include <nlohmann/json.hpp>

#include "agent/report_list.h"

namespace catflap::agent {
namespace {

using nlohmann::json;
using report::Kind;

AllowedAndDropped split(const catflap_endpoint_counter& counter) {
    return {{counter.allowed.packets, counter.allowed.bytes}, {counter.dropped.packets, counter.dropped.bytes}};
}

json policy_texts(const std::vector<ObjectName>& policies) {
    json result = json::array();
    for (const ObjectName& policy : policies)
        result.push_back(to_string(policy));
    return result;
}

json endpoint_item(const EbpfDataplane& dataplane, const compile::LoadedEndpoint& endpoint) {
    const bool known = endpoint.spec.pod.has_value();
    const kernel::EndpointCounts counts =
        known ? dataplane.datapath().endpoint_counts(endpoint.slot) : kernel::EndpointCounts{};
    json item = endpoint_row(endpoint.spec, split(counts.from_pod), split(counts.to_pod));
    const bool attached = dataplane.attached(endpoint.spec.ifindex);
    item["slot"] = endpoint.slot;
    item["generation"] = endpoint.generation;
    item["attachedBy"] = attached ? to_string(dataplane.datapath().attachments().mode()) : "";
    if (!attached)
        item["state"] = "notAttached";
    item["egressPolicies"] = known ? policy_texts(endpoint.tables[0]->policy->policies) : json::array();
    item["ingressPolicies"] = known ? policy_texts(endpoint.tables[1]->policy->policies) : json::array();
    return item;
}

Result<> list_endpoints(const EbpfDataplane& dataplane, report::Page& page) {
    const auto& endpoints = dataplane.loaded().endpoints;
    auto next = endpoints.begin();
    if (!page.query().after.empty()) {
        const auto cursor = read_cursor(page, 1);
        if (!cursor)
            return tl::unexpected(cursor.error());
        next = endpoints.upper_bound((*cursor)[0].get<uint32_t>());
    }
    for (; next != endpoints.end(); ++next) {
        const compile::EndpointSpec& spec = next->second.spec;
        const ObjectName pod = spec.pod.value_or(ObjectName{});
        if (page.wants(pod.ns, pod.name, spec.interface) && page.of_endpoint(pod.ns, pod.name, spec.interface))
            page.add(endpoint_item(dataplane, next->second));
        if (page.full() && std::next(next) != endpoints.end()) {
            page.go_on_after(json::array({next->first}).dump());
            break;
        }
    }
    return {};
}

void add(Counted& sum, const catflap_counter& part) {
    sum.add(part.packets, part.bytes);
}

// Where no rule admitted a packet, every policy that isolates the pod has dropped it.
std::map<ObjectName, Counted> count_defaults(const EbpfDataplane& dataplane) {
    std::map<ObjectName, Counted> result;
    const auto& numbers = dataplane.loaded().decisions.numbers();
    for (auto decision = numbers.lower_bound({true, resolve::Direction::egress, {}, 0, 0}); decision != numbers.end();
         ++decision) {
        const catflap_counter counted = dataplane.datapath().ledger().count(decision->second);
        for (const ObjectName& policy : decision->first.policies)
            add(result[policy], counted);
    }
    return result;
}

// What a policy allowed and dropped since it was first enforced, in rules that are gone too.
AllowedAndDropped count_policy(const EbpfDataplane& dataplane, const std::map<ObjectName, Counted>& defaults,
                               const ObjectName& name) {
    AllowedAndDropped sum;
    if (const auto dropped = defaults.find(name); dropped != defaults.end())
        sum.dropped = dropped->second;
    const auto& numbers = dataplane.loaded().decisions.numbers();
    for (const resolve::Direction direction : resolve::kDirections) {
        const kernel::PolicyTotals settled = dataplane.datapath().ledger().settled(name, direction);
        add(sum.allowed, settled.allowed);
        add(sum.dropped, settled.dropped);
        const std::vector<ObjectName> alone = {name};
        for (auto rule = numbers.lower_bound({false, direction, alone, 0, 0});
             rule != numbers.end() && !rule->first.is_default && rule->first.direction == direction &&
             rule->first.policies == alone;
             ++rule)
            add(sum.allowed, dataplane.datapath().ledger().count(rule->second));
    }
    return sum;
}

Result<> list_ebpf_policies(const AgentState& state, const EbpfDataplane& dataplane, report::Page& page) {
    const auto defaults = count_defaults(dataplane);
    return list_policies(state, page, [&](const ObjectName& name) { return count_policy(dataplane, defaults, name); });
}

Result<> list_ebpf_rules(const AgentState& state, const EbpfDataplane& dataplane, report::Page& page) {
    return list_rules(state, page, [&](resolve::Direction direction, const resolve::Rule& rule) {
        Counted counted;
        const auto& numbers = dataplane.loaded().decisions.numbers();
        if (const auto found = numbers.find(compile::rule_decision(direction, rule)); found != numbers.end())
            add(counted, dataplane.datapath().ledger().count(found->second));
        return counted;
    });
}

// Counted by the datapath and, where the guard is a table of nftables, by that.
Result<> list_drops(const AgentState& state, const EbpfDataplane& dataplane, report::Page& page) {
    for (uint32_t reason = CATFLAP_REASON_NONE + 1; reason < CATFLAP_REASON_COUNT; ++reason) {
        if (!page.wants("", label_of(reason)))
            continue;
        const auto counted = dataplane.datapath().drop_count(reason);
        if (!counted)
            continue;
        Counted dropped;
        add(dropped, *counted);
        if (reason == CATFLAP_REASON_UNJUDGED && state.guard)
            if (const auto by_table = state.guard->dropped_by_table(); by_table)
                dropped.add(by_table->packets, by_table->bytes);
        page.add(drop_row(reason, dropped));
    }
    return {};
}

Result<> list_maps(const AgentState& state, const EbpfDataplane& dataplane, report::Page& page) {
    for (json& map : report_maps(state, dataplane))
        if (page.wants("", map["name"]))
            page.add(std::move(map));
    return {};
}

}  // namespace

Result<> list_ebpf(const AgentState& state, const EbpfDataplane& dataplane, report::Page& page) {
    switch (page.query().kind) {
        case Kind::endpoints:
            return list_endpoints(dataplane, page);
        case Kind::policies:
            return list_ebpf_policies(state, dataplane, page);
        case Kind::rules:
            return list_ebpf_rules(state, dataplane, page);
        case Kind::sets:
            return list_sets(state, dataplane, page);
        case Kind::flows:
            return list_flows(state, dataplane, page);
        case Kind::drops:
            return list_drops(state, dataplane, page);
        case Kind::maps:
            return list_maps(state, dataplane, page);
    }
    return fail("there is no such kind");
}

}  // namespace catflap::agent
