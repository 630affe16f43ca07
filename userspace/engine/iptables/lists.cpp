// SPDX-License-Identifier: Apache-2.0
#include "agent/report_iptables.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/agent.h"
#include "agent/report_list.h"
#include "iptables/render/chains.h"

namespace catflap::agent {
namespace {

using iptables::Credit;
using nlohmann::json;
using report::Kind;
using resolve::Direction;

json policy_names(const AgentState& state, const std::optional<ObjectName>& pod, Direction direction) {
    json names = json::array();
    const auto found = pod ? state.resolved.endpoints.find(*pod) : state.resolved.endpoints.end();
    if (found != state.resolved.endpoints.end())
        for (const ObjectName& policy :
             state.resolved.policies[found->second[static_cast<size_t>(direction)]]->policies)
            names.push_back(to_string(policy));
    return names;
}

template <class Key>
AllowedAndDropped find_or_none(const std::map<Key, AllowedAndDropped>& counts, const Key& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? AllowedAndDropped{} : found->second;
}

Result<> list_endpoints(const AgentState& state, const IptablesDataplane& dataplane, report::Page& page) {
    const auto counts = dataplane.counts();
    if (!counts)
        return tl::unexpected(counts.error());
    const auto& endpoints = state.local.endpoints;  // by ifindex
    auto next = endpoints.begin();
    if (!page.query().after.empty()) {
        const auto cursor = read_cursor(page, 1);
        if (!cursor)
            return tl::unexpected(cursor.error());
        next = std::ranges::upper_bound(endpoints, (*cursor)[0].get<uint32_t>(), {}, &compile::EndpointSpec::ifindex);
    }
    for (; next != endpoints.end(); ++next) {
        const ObjectName pod = next->pod.value_or(ObjectName{});
        if (page.wants(pod.ns, pod.name, next->interface) && page.of_endpoint(pod.ns, pod.name, next->interface)) {
            const auto chain = [&](const iptables::Way& way) { return std::string(way.endpoint) + next->interface; };
            json row = endpoint_row(*next, find_or_none((*counts)->by_chain, chain(iptables::kFromPod)),
                                    find_or_none((*counts)->by_chain, chain(iptables::kToPod)));
            row["slot"] = 0;
            row["generation"] = 0;
            row["attachedBy"] = dataplane.attached_by();
            row["ingressPolicies"] = policy_names(state, next->pod, Direction::ingress);
            row["egressPolicies"] = policy_names(state, next->pod, Direction::egress);
            page.add(std::move(row));
        }
        if (page.full() && std::next(next) != endpoints.end()) {
            page.go_on_after(json::array({next->ifindex}).dump());
            break;
        }
    }
    return {};
}

Result<> list_iptables_policies(const AgentState& state, const IptablesDataplane& dataplane, report::Page& page) {
    const auto counts = dataplane.counts();
    if (!counts)
        return tl::unexpected(counts.error());
    return list_policies(state, page,
                         [&](const ObjectName& policy) { return find_or_none((*counts)->by_policy, policy); });
}

Result<> list_iptables_rules(const AgentState& state, const IptablesDataplane& dataplane, report::Page& page) {
    const auto counts = dataplane.counts();
    if (!counts)
        return tl::unexpected(counts.error());
    return list_rules(state, page, [&](Direction direction, const resolve::Rule& rule) {
        const auto found = (*counts)->by_credit.find(Credit{direction, {rule.policy}, false, rule.index});
        return found == (*counts)->by_credit.end() ? Counted{} : found->second;
    });
}

// Both families' sets of one meaning are one item: name -> those of either family.
using Meaning = std::pair<std::string, iptables::SetKind>;
std::map<Meaning, std::vector<const iptables::IpSet*>> sets_by_meaning(const IptablesDataplane& dataplane) {
    std::map<Meaning, std::vector<const iptables::IpSet*>> result;
    for (const auto& [name, set] : dataplane.enforced().sets)
        result[{set.meaning, set.kind}].push_back(&set);
    return result;
}

size_t count_members(const std::vector<const iptables::IpSet*>& sets) {
    size_t count = 0;
    for (const iptables::IpSet* set : sets)
        count += set->members.size();
    return count;
}

// Members from number `first` on, at most so many; sorted.
std::vector<std::string> members_from(const std::vector<const iptables::IpSet*>& sets, size_t first, size_t limit) {
    std::vector<std::string> result;
    size_t passed = 0;
    for (const iptables::IpSet* set : sets) {
        const size_t skipped = std::min(set->members.size(), first - std::min(first, passed));
        passed += set->members.size();
        auto member = set->members.begin();
        std::advance(member, static_cast<ptrdiff_t>(skipped));
        for (; member != set->members.end() && result.size() < limit; ++member)
            result.push_back(to_string(*member, set->kind));
    }
    std::ranges::sort(result);
    return result;
}

Result<> list_iptables_sets(const IptablesDataplane& dataplane, report::Page& page) {
    constexpr size_t kMembersAtOnce = 4096;
    const auto sets = sets_by_meaning(dataplane);
    Meaning after;
    size_t member = 0;
    auto next = sets.begin();
    if (!page.query().after.empty()) {
        const auto cursor = read_cursor(page, 3);
        if (!cursor)
            return tl::unexpected(cursor.error());
        after = {(*cursor)[0], static_cast<iptables::SetKind>((*cursor)[1].get<int>())};
        member = (*cursor)[2];
        next = member > 0 ? sets.lower_bound(after) : sets.upper_bound(after);
        member = next != sets.end() && next->first == after ? member : 0;
    }
    for (; next != sets.end(); member = 0, ++next) {
        const size_t count = count_members(next->second);
        const auto cursor = [&](size_t at) {
            return json::array({next->first.first, static_cast<int>(next->first.second), at}).dump();
        };
        if (page.wants("", next->first.first)) {
            json row = {{"name", next->first.first},
                        {"kind", next->first.second == iptables::SetKind::selector ? "pods" : "namedPort"},
                        {"classes", json::array()},
                        {"addresses", count}};
            row["members"] =
                page.query().members ? json(members_from(next->second, member, kMembersAtOnce)) : json::array();
            if (member > 0)
                row["continued"] = true;
            page.add(std::move(row));
            if (page.query().members && member + kMembersAtOnce < count) {
                page.go_on_after(cursor(member + kMembersAtOnce));
                return {};
            }
        }
        if (page.full() && std::next(next) != sets.end()) {
            page.go_on_after(cursor(0));
            break;
        }
    }
    return {};
}

Result<> list_drops(const IptablesDataplane& dataplane, report::Page& page) {
    const auto counts = dataplane.counts();
    if (!counts)
        return tl::unexpected(counts.error());
    for (const uint32_t reason : {uint32_t{CATFLAP_REASON_POLICY}, uint32_t{CATFLAP_REASON_UNKNOWN_ENDPOINT},
                                  uint32_t{CATFLAP_REASON_ENCAPSULATION}, kInvalidState}) {
        if (!page.wants("", label_of(reason)))
            continue;
        const auto found = (*counts)->by_reason.find(reason);
        page.add(drop_row(reason, found == (*counts)->by_reason.end() ? Counted{} : found->second));
    }
    return {};
}

}  // namespace

Result<> list_iptables(const AgentState& state, const IptablesDataplane& dataplane, report::Page& page) {
    switch (page.query().kind) {
        case Kind::endpoints:
            return list_endpoints(state, dataplane, page);
        case Kind::policies:
            return list_iptables_policies(state, dataplane, page);
        case Kind::rules:
            return list_iptables_rules(state, dataplane, page);
        case Kind::sets:
            return list_iptables_sets(dataplane, page);
        case Kind::drops:
            return list_drops(dataplane, page);
        case Kind::flows:
            return fail("in iptables mode the flows are nf_conntrack's: see conntrack -L");
        case Kind::maps:
            return fail("in iptables mode there are no maps: see iptables-save and ipset list");
    }
    return fail("there is no such kind");
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
              {"sets", sets_by_meaning(dataplane).size()},
              {"addresses", members},
              {"chains", chains},
              {"iptablesRules", rule_count}}},
            {"maps", json::array()},
            {"health", json::object()}};
}

}  // namespace catflap::agent
