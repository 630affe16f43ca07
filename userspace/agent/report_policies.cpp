// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/report.h"
#include "agent/report_ebpf.h"
#include "compile/classes/masks.h"
#include "kernel/maps/map.h"

namespace catflap::agent {
namespace {

using nlohmann::json;

json names(const std::vector<ObjectName>& policies) {
    json result = json::array();
    for (const ObjectName& policy : policies)
        result.push_back(to_string(policy));
    return result;
}

json split(const catflap_endpoint_counter& counter) {
    return {{"allowedPackets", counter.allowed.packets},
            {"allowedBytes", counter.allowed.bytes},
            {"droppedPackets", counter.dropped.packets},
            {"droppedBytes", counter.dropped.bytes}};
}

void add(catflap_counter& sum, const catflap_counter& part) {
    sum.packets += part.packets;
    sum.bytes += part.bytes;
}

using DecisionCounts = std::map<uint32_t, catflap_counter>;

DecisionCounts count_decisions(const EbpfDataplane& dataplane) {
    DecisionCounts counts;
    for (const auto& [key, number] : dataplane.loaded().decisions.numbers())
        counts[number] = dataplane.datapath().ledger().count(number);
    return counts;
}

// What every policy allowed and dropped since it was first enforced, in rules that are gone too.
std::map<ObjectName, kernel::PolicyTotals> policy_totals(const AgentState& state, const EbpfDataplane& dataplane) {
    std::map<ObjectName, kernel::PolicyTotals> totals;
    for (const auto& [name, policy] : state.source->cluster().policies)
        for (const resolve::Direction direction : resolve::kDirections) {
            const kernel::PolicyTotals settled = dataplane.datapath().ledger().settled(name, direction);
            add(totals[name].allowed, settled.allowed);
            add(totals[name].dropped, settled.dropped);
        }
    const DecisionCounts counts = count_decisions(dataplane);
    for (const auto& [key, number] : dataplane.loaded().decisions.numbers())
        if (const auto counted = counts.find(number); counted != counts.end())
            for (const ObjectName& policy : key.policies)
                add(key.is_default ? totals[policy].dropped : totals[policy].allowed, counted->second);
    return totals;
}

// The sets of all tables in force.
std::set<resolve::SourceSet> sets_in_force(const EbpfDataplane& dataplane) {
    std::set<resolve::SourceSet> sets;
    for (const compile::TablePointer& table : dataplane.loaded().tables)
        for (const resolve::Rule& rule : table->policy->rules)
            sets.insert(rule.peers.begin(), rule.peers.end());
    return sets;
}

// What the datapath's maps hold, by class.
std::map<uint32_t, std::vector<std::string>> members_by_class(const EbpfDataplane& dataplane) {
    std::map<uint32_t, std::vector<std::string>> members;
    const kernel::MapStore& store = dataplane.datapath().store();
    store.addresses().for_each(
        [&](const Address& address, compile::ClassNumber number) { members[number].push_back(to_string(address)); });
    const int prefixes = dataplane.datapath().map_fd("cidrs");
    kernel::for_each_key<catflap_cidr_key>(prefixes, [&](const catflap_cidr_key& key) {
        uint32_t value = 0;
        const Address address = kernel::model_address(key.address);
        if (bpf_map_lookup_elem(prefixes, &key, &value) == 0)
            members[value].push_back(key.prefix_length == 128 && store.cidrs().has_pod(address)
                                         ? to_string(address)
                                         : to_string(Prefix(address, static_cast<uint8_t>(key.prefix_length))));
        return true;
    });
    return members;
}

}  // namespace

json report_endpoints(const AgentState&, const EbpfDataplane& dataplane) {
    json result = json::array();
    for (const auto& [ifindex, endpoint] : dataplane.loaded().endpoints) {
        json addresses = json::array();
        for (const Address& address : endpoint.spec.addresses)
            if (!address.is_unset())
                addresses.push_back(to_string(address));
        const bool known = endpoint.spec.pod.has_value();
        kernel::EndpointCounts counts;
        if (known)
            counts = dataplane.datapath().endpoint_counts(endpoint.slot);
        json item = {{"interface", endpoint.spec.interface},
                     {"ifindex", ifindex},
                     {"namespace", known ? endpoint.spec.pod->ns : ""},
                     {"pod", known ? endpoint.spec.pod->name : ""},
                     {"uid", endpoint.spec.uid},
                     {"addresses", addresses},
                     {"slot", endpoint.slot},
                     {"generation", endpoint.generation},
                     {"attachedBy", dataplane.datapath().attachments().attached(ifindex)
                                        ? to_string(dataplane.datapath().attachments().mode())
                                        : ""},
                     {"state", !dataplane.attached(ifindex) ? "notAttached"
                               : !known                     ? "unknown"
                               : addresses.empty()          ? "noAddress"
                                                            : "enforced"},
                     {"ingressPolicies", json::array()},
                     {"egressPolicies", json::array()},
                     {"fromPod", split(counts.from_pod)},
                     {"toPod", split(counts.to_pod)}};
        if (known) {
            item["egressPolicies"] = names(endpoint.tables[0]->policy->policies);
            item["ingressPolicies"] = names(endpoint.tables[1]->policy->policies);
        }
        catflap_endpoint_counter sum = counts.from_pod;
        add(sum.allowed, counts.to_pod.allowed);
        add(sum.dropped, counts.to_pod.dropped);
        item.update(split(sum));
        result.push_back(std::move(item));
    }
    return result;
}

json report_policies(const AgentState& state, const EbpfDataplane& dataplane) {
    const auto totals = policy_totals(state, dataplane);
    json result = json::array();
    for (const auto& [name, policy] : state.source->cluster().policies) {
        const auto found = totals.find(name);
        const kernel::PolicyTotals counted = found == totals.end() ? kernel::PolicyTotals{} : found->second;
        json item = describe_policy(state, policy);
        item["allowedPackets"] = counted.allowed.packets;
        item["allowedBytes"] = counted.allowed.bytes;
        item["droppedPackets"] = counted.dropped.packets;
        item["droppedBytes"] = counted.dropped.bytes;
        result.push_back(std::move(item));
    }
    return result;
}

json report_rules(const AgentState&, const EbpfDataplane& dataplane) {
    struct Row {
        std::set<std::string> peers;
        std::set<std::string> ports;
        size_t endpoints = 0;
        uint32_t number = 0;
    };
    std::map<compile::DecisionKey, Row> rows;
    for (const auto& [ifindex, endpoint] : dataplane.loaded().endpoints) {
        for (const compile::TablePointer& table : endpoint.tables) {
            std::set<compile::DecisionKey> of_this_endpoint;
            for (size_t i = 0; table && i < table->policy->rules.size(); ++i) {
                const resolve::Rule& rule = table->policy->rules[i];
                const auto key = compile::rule_decision(table->policy->direction, rule);
                Row& row = rows[key];
                row.number = table->decisions[i];
                row.endpoints += of_this_endpoint.insert(key).second;
                for (const resolve::SourceSet& set : rule.peers)
                    row.peers.insert(to_string(set));
                for (const resolve::PortRange& range : rule.ports)
                    row.ports.insert(to_string(range));
            }
        }
    }
    const DecisionCounts counts = count_decisions(dataplane);
    json result = json::array();
    for (const auto& [key, row] : rows) {
        const auto found = counts.find(row.number);
        const catflap_counter counted = found == counts.end() ? catflap_counter{} : found->second;
        result.push_back({{"policyNamespace", key.policies.front().ns},
                          {"policy", key.policies.front().name},
                          {"direction", to_string(key.direction)},
                          {"index", key.rule_index},
                          {"peers", row.peers.empty() ? std::set<std::string>{"everyone"} : row.peers},
                          {"ports", row.ports.empty() ? std::set<std::string>{"everything"} : row.ports},
                          {"endpoints", row.endpoints},
                          {"allowedPackets", counted.packets},
                          {"allowedBytes", counted.bytes}});
    }
    return result;
}

size_t count_sets(const EbpfDataplane& dataplane) {
    return sets_in_force(dataplane).size();
}

json report_sets(const AgentState& state, const EbpfDataplane& dataplane) {
    const auto sets = sets_in_force(dataplane);
    compile::Relevance relevance;
    relevance.label_keys = dataplane.loaded().label_keys;
    relevance.port_names = dataplane.loaded().port_names;
    for (const resolve::SourceSet& set : sets)
        relevance.add(set);
    relevance.finish();
    const Cluster& cluster = state.source->cluster();
    const compile::Classification classification(cluster, relevance, {});
    const auto by_class = members_by_class(dataplane);
    json result = json::array();
    for (const resolve::SourceSet& set : sets) {
        std::set<uint32_t> classes;
        std::vector<std::string> members;
        for (const uint32_t index : classification.members(set, cluster)) {
            const auto number = dataplane.loaded().class_numbers.find(classification.keys()[index]);
            if (number == dataplane.loaded().class_numbers.end() || !classes.insert(number->second).second)
                continue;
            if (const auto found = by_class.find(number->second); found != by_class.end())
                members.insert(members.end(), found->second.begin(), found->second.end());
        }
        std::ranges::sort(members);
        result.push_back({{"name", to_string(set)},
                          {"kind", set.pods ? "pods" : "ipBlock"},
                          {"classes", classes},
                          {"addresses", members.size()},
                          {"members", members}});
    }
    return result;
}

}  // namespace catflap::agent
