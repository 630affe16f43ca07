// SPDX-License-Identifier: Apache-2.0
#include "agent/report_iptables.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/agent.h"
#include "agent/report.h"
#include "iptables/render/chains.h"

namespace catflap::agent {
namespace {

using iptables::Chain;
using iptables::Credit;
using iptables::Rule;
using iptables::RuleCount;
using iptables::Verb;
using nlohmann::json;
using resolve::Direction;

void add(RuleCount& sum, const RuleCount& part) {
    sum.packets += part.packets;
    sum.bytes += part.bytes;
}

struct Split {
    RuleCount allowed;
    RuleCount dropped;
};

json fields(const Split& split) {
    return {{"allowedPackets", split.allowed.packets},
            {"allowedBytes", split.allowed.bytes},
            {"droppedPackets", split.dropped.packets},
            {"droppedBytes", split.dropped.bytes}};
}

// A packet ends its way through an endpoint's chain in one of these.
void count_end(Split& split, const Rule& rule, const RuleCount& count) {
    if (rule.target.verb == Verb::accept || rule.target.verb == Verb::return_to_caller)
        add(split.allowed, count);
    else if (rule.target.verb == Verb::drop)
        add(split.dropped, count);
}

json policy_names(const AgentState& state, const ObjectName& pod, Direction direction) {
    json names = json::array();
    const auto found = state.resolved.endpoints.find(pod);
    if (found != state.resolved.endpoints.end())
        for (const ObjectName& policy :
             state.resolved.policies[found->second[static_cast<size_t>(direction)]]->policies)
            names.push_back(to_string(policy));
    return names;
}

Result<json> endpoints(const AgentState& state, const IptablesDataplane& dataplane) {
    std::map<std::string, Split> by_chain;
    const auto done = dataplane.for_each_rule([&](const Chain& chain, const Rule& rule, const RuleCount& count) {
        if (chain.name.starts_with(iptables::kFromPod.endpoint) || chain.name.starts_with(iptables::kToPod.endpoint))
            count_end(by_chain[chain.name], rule, count);
    });
    if (!done)
        return tl::unexpected(done.error());
    json result = json::array();
    for (const compile::EndpointSpec& spec : state.local.endpoints) {
        json addresses = json::array();
        for (const Address& address : spec.addresses)
            if (!address.is_unset())
                addresses.push_back(to_string(address));
        const Split from_pod = by_chain[std::string(iptables::kFromPod.endpoint) + spec.interface];
        const Split to_pod = by_chain[std::string(iptables::kToPod.endpoint) + spec.interface];
        Split sum = from_pod;
        add(sum.allowed, to_pod.allowed);
        add(sum.dropped, to_pod.dropped);
        json item = {{"interface", spec.interface},
                     {"ifindex", spec.ifindex},
                     {"namespace", spec.pod ? spec.pod->ns : ""},
                     {"pod", spec.pod ? spec.pod->name : ""},
                     {"uid", spec.uid},
                     {"addresses", addresses},
                     {"slot", 0},
                     {"generation", 0},
                     {"attachedBy", dataplane.attached_by()},
                     {"state", !spec.pod           ? "unknown"
                               : addresses.empty() ? "noAddress"
                                                   : "enforced"},
                     {"ingressPolicies", spec.pod ? policy_names(state, *spec.pod, Direction::ingress) : json::array()},
                     {"egressPolicies", spec.pod ? policy_names(state, *spec.pod, Direction::egress) : json::array()},
                     {"fromPod", fields(from_pod)},
                     {"toPod", fields(to_pod)}};
        item.update(fields(sum));
        result.push_back(std::move(item));
    }
    return result;
}

Result<std::map<Credit, RuleCount>> credits(const IptablesDataplane& dataplane) {
    std::map<Credit, RuleCount> counts;
    const auto done = dataplane.for_each_rule([&](const Chain&, const Rule& rule, const RuleCount& count) {
        if (rule.credit)
            add(counts[*rule.credit], count);
    });
    if (!done)
        return tl::unexpected(done.error());
    return counts;
}

Result<json> policies(const AgentState& state, const IptablesDataplane& dataplane) {
    const auto counts = credits(dataplane);
    if (!counts)
        return tl::unexpected(counts.error());
    std::map<ObjectName, Split> totals;
    for (const auto& [credit, count] : *counts)
        for (const ObjectName& policy : credit.policies)
            add(credit.denied ? totals[policy].dropped : totals[policy].allowed, count);
    json result = json::array();
    for (const auto& [name, policy] : state.source->cluster().policies) {
        json item = describe_policy(state, policy);
        item.update(fields(totals[name]));
        result.push_back(std::move(item));
    }
    return result;
}

Result<json> rules(const AgentState& state, const IptablesDataplane& dataplane) {
    const auto counts = credits(dataplane);
    if (!counts)
        return tl::unexpected(counts.error());
    struct Row {
        std::set<std::string> peers;
        std::set<std::string> ports;
        std::set<ObjectName> endpoints;
    };
    std::map<Credit, Row> rows;
    for (const auto& [pod, indices] : state.resolved.endpoints)
        for (const size_t index : indices)
            for (const resolve::Rule& rule : state.resolved.policies[index]->rules) {
                Row& row = rows[{state.resolved.policies[index]->direction, {rule.policy}, false, rule.index}];
                row.endpoints.insert(pod);
                for (const resolve::SourceSet& set : rule.peers)
                    row.peers.insert(to_string(set));
                for (const resolve::PortRange& range : rule.ports)
                    row.ports.insert(to_string(range));
            }
    json result = json::array();
    for (const auto& [credit, row] : rows) {
        const auto found = counts->find(credit);
        const RuleCount counted = found == counts->end() ? RuleCount{} : found->second;
        result.push_back({{"policyNamespace", credit.policies.front().ns},
                          {"policy", credit.policies.front().name},
                          {"direction", to_string(credit.direction)},
                          {"index", credit.index},
                          {"peers", row.peers.empty() ? std::set<std::string>{"everyone"} : row.peers},
                          {"ports", row.ports.empty() ? std::set<std::string>{"everything"} : row.ports},
                          {"endpoints", row.endpoints.size()},
                          {"allowedPackets", counted.packets},
                          {"allowedBytes", counted.bytes}});
    }
    return result;
}

// Both families' sets of one meaning are one item.
json sets(const IptablesDataplane& dataplane) {
    std::map<std::pair<std::string, iptables::SetKind>, std::vector<std::string>> members;
    for (const auto& [name, set] : dataplane.enforced().sets) {
        auto& list = members[{set.meaning, set.kind}];
        for (const iptables::SetMember& member : set.members)
            list.push_back(to_string(member, set.kind));
    }
    json result = json::array();
    for (auto& [key, list] : members) {
        std::ranges::sort(list);
        result.push_back({{"name", key.first},
                          {"kind", key.second == iptables::SetKind::selector ? "pods" : "namedPort"},
                          {"classes", json::array()},
                          {"addresses", list.size()},
                          {"members", list}});
    }
    return result;
}

struct DropReason {
    const char* label;
    const char* sentence;
    RuleCount count{};
};

Result<json> drops(const IptablesDataplane& dataplane) {
    DropReason policy{"policy", "no policy that isolates the pod in this direction admits the packet"};
    DropReason unknown{"unknown_endpoint", "the interface carries no pod that the agent knows"};
    DropReason encapsulation{"encapsulation",
                             "the pod sent IPIP or VXLAN, which would carry packets past every policy"};
    DropReason invalid{"invalid_state", "conntrack takes the packet for part of no connection"};
    const auto done = dataplane.for_each_rule([&](const Chain& chain, const Rule& rule, const RuleCount& count) {
        if (rule.target.verb != Verb::drop)
            return;
        if (rule.credit)
            add(policy.count, count);
        else if (!rule.match.states.empty())
            add(invalid.count, count);
        else if (!rule.match.protocol.empty())
            add(encapsulation.count, count);
        else if (chain.name.starts_with(iptables::kFromPod.dispatch) ||
                 chain.name.starts_with(iptables::kToPod.dispatch))
            add(unknown.count, count);
    });
    if (!done)
        return tl::unexpected(done.error());
    json result = json::array();
    for (const DropReason& reason : {policy, unknown, encapsulation, invalid})
        result.push_back({{"reason", reason.label},
                          {"sentence", reason.sentence},
                          {"packets", reason.count.packets},
                          {"bytes", reason.count.bytes}});
    return result;
}

}  // namespace

Result<json> report_iptables(const AgentState& state, const IptablesDataplane& dataplane, const std::string& kind) {
    if (kind == "endpoints")
        return endpoints(state, dataplane);
    if (kind == "policies")
        return policies(state, dataplane);
    if (kind == "rules")
        return rules(state, dataplane);
    if (kind == "sets")
        return sets(dataplane);
    if (kind == "drops")
        return drops(dataplane);
    if (kind == "flows")
        return fail("in iptables mode the flows are nf_conntrack's: see conntrack -L");
    if (kind == "maps")
        return fail("in iptables mode there are no maps: see iptables-save and ipset list");
    return fail("there is no kind \"{}\"", kind);
}

json report_iptables_status(const AgentState& state, const IptablesDataplane& dataplane) {
    size_t chains = 0;
    size_t rule_count = 0;
    size_t members = 0;
    for (const iptables::Rules& rules_of_family : dataplane.enforced().families)
        for (const auto& [name, chain] : rules_of_family.chains) {
            ++chains;
            rule_count += chain.rules.size();
        }
    for (const auto& [name, set] : dataplane.enforced().sets)
        members += set.members.size();
    return {{"counts",
             {{"endpoints", state.local.pods.size()},
              {"policies", state.source->cluster().policies.size()},
              {"sets", sets(dataplane).size()},
              {"addresses", members},
              {"chains", chains},
              {"iptablesRules", rule_count}}},
            {"maps", json::array()},
            {"health", json::object()}};
}

}  // namespace catflap::agent
