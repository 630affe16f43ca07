// SPDX-License-Identifier: Apache-2.0
#include "engine/iptables/lists.h"

#include <algorithm>

#include "iptables/render/chains.h"

namespace catflap::engine {
namespace {

using iptables::Credit;
using report::Kind;
using resolve::Direction;

std::vector<std::string> policy_names(const View& view, const std::optional<ObjectName>& pod, Direction direction) {
    const auto found = pod ? view.resolved.endpoints.find(*pod) : view.resolved.endpoints.end();
    if (found == view.resolved.endpoints.end())
        return {};
    return texts_of(view.resolved.policies[found->second[static_cast<size_t>(direction)]]->policies);
}

template <class Key, class Counts>
Counts find_or_none(const std::map<Key, Counts>& counts, const Key& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? Counts{} : found->second;
}

Result<> list_endpoints(const View& view, const IptablesEngine& engine, report::Page& page) {
    const auto counts = engine.counts();
    if (!counts)
        return tl::unexpected(counts.error());
    const auto& endpoints = view.endpoints;  // by ifindex
    const auto cursor = page.cursor("n");
    if (!cursor)
        return tl::unexpected(cursor.error());
    auto next = endpoints.begin();
    if (*cursor)
        next = std::ranges::upper_bound(endpoints, (*cursor)->number(0), {}, &compile::EndpointSpec::ifindex);
    for (; next != endpoints.end(); ++next) {
        const ObjectName pod = next->pod.value_or(ObjectName{});
        if (page.wants(pod.ns, pod.name, next->interface) && page.of_endpoint(pod.ns, pod.name, next->interface)) {
            const auto chain = [&](const iptables::Way& way) { return std::string(way.endpoint) + next->interface; };
            report::EndpointRow row = endpoint_row(view, *next);
            row.from_pod = find_or_none((*counts)->by_chain, chain(iptables::kFromPod));
            row.to_pod = find_or_none((*counts)->by_chain, chain(iptables::kToPod));
            row.attached_by = engine.attached_by();
            row.ingress_policies = policy_names(view, next->pod, Direction::ingress);
            row.egress_policies = policy_names(view, next->pod, Direction::egress);
            page.add(row);
        }
        if (page.full() && std::next(next) != endpoints.end()) {
            page.continue_at({uint64_t{next->ifindex}});
            break;
        }
    }
    return {};
}

Result<> list_iptables_policies(const View& view, const IptablesEngine& engine, report::Page& page) {
    const auto counts = engine.counts();
    if (!counts)
        return tl::unexpected(counts.error());
    return list_policies(view, page, [&](const PolicyName& policy) {
        return find_or_none((*counts)->by_policy, ObjectName{policy.ns, policy.name});
    });
}

Result<> list_iptables_rules(const View& view, const IptablesEngine& engine, report::Page& page) {
    const auto counts = engine.counts();
    if (!counts)
        return tl::unexpected(counts.error());
    return list_rules(view, page, [&](Direction direction, const resolve::Rule& rule) {
        const auto found =
            (*counts)->by_credit.find(Credit{direction, {{rule.policy.ns, rule.policy.name}}, false, rule.index});
        return found == (*counts)->by_credit.end() ? Counted{} : found->second;
    });
}

// Both families' sets of one meaning are one item: name -> those of either family.
using Meaning = std::pair<std::string, iptables::SetKind>;
std::map<Meaning, std::vector<const iptables::IpSet*>> sets_by_meaning(const IptablesEngine& engine) {
    std::map<Meaning, std::vector<const iptables::IpSet*>> result;
    for (const auto& [name, set] : engine.enforced().sets)
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

Result<> list_iptables_sets(const IptablesEngine& engine, report::Page& page) {
    constexpr size_t kMembersAtOnce = 4096;
    const auto sets = sets_by_meaning(engine);
    Meaning after;
    size_t member = 0;
    auto next = sets.begin();
    const auto place = page.cursor("tnn");
    if (!place)
        return tl::unexpected(place.error());
    if (*place) {
        after = {(*place)->text(0), static_cast<iptables::SetKind>((*place)->number(1))};
        member = (*place)->number(2);
        next = member > 0 ? sets.lower_bound(after) : sets.upper_bound(after);
        member = next != sets.end() && next->first == after ? member : 0;
    }
    for (; next != sets.end(); member = 0, ++next) {
        const size_t count = count_members(next->second);
        const auto cursor = [&](size_t at) {
            return report::Cursor{next->first.first, static_cast<uint64_t>(next->first.second), uint64_t{at}};
        };
        if (page.wants("", next->first.first)) {
            report::SetRow row;
            row.name = next->first.first;
            row.kind = next->first.second == iptables::SetKind::selector ? "pods" : "namedPort";
            row.addresses = count;
            if (page.query().members)
                row.members = members_from(next->second, member, kMembersAtOnce);
            row.continued = member > 0;
            page.add(row);
            if (page.query().members && member + kMembersAtOnce < count) {
                page.continue_at(cursor(member + kMembersAtOnce));
                return {};
            }
        }
        if (page.full() && std::next(next) != sets.end()) {
            page.continue_at(cursor(0));
            break;
        }
    }
    return {};
}

Result<> list_drops(const IptablesEngine& engine, report::Page& page) {
    const auto counts = engine.counts();
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

Result<> list_iptables(const View& view, const IptablesEngine& engine, report::Page& page) {
    switch (page.query().kind) {
        case Kind::endpoints:
            return list_endpoints(view, engine, page);
        case Kind::policies:
            return list_iptables_policies(view, engine, page);
        case Kind::rules:
            return list_iptables_rules(view, engine, page);
        case Kind::sets:
            return list_iptables_sets(engine, page);
        case Kind::drops:
            return list_drops(engine, page);
        case Kind::flows:
            return fail("in iptables mode the flows are nf_conntrack's: see conntrack -L");
        case Kind::maps:
            return fail("in iptables mode there are no maps: see iptables-save and ipset list");
    }
    return fail("there is no such kind");
}

report::EngineStatus iptables_status(const View& view, const IptablesEngine& engine) {
    size_t chains = 0;
    size_t rule_count = 0;
    size_t members = 0;
    for (const iptables::Rules& rules_of_family : engine.enforced().families)
        for (const auto& [name, chain] : rules_of_family.chains) {
            ++chains;
            rule_count += chain.rules.size();
        }
    for (const auto& [name, set] : engine.enforced().sets)
        members += set.members.size();
    report::EngineStatus status;
    status.counts = {{"endpoints", view.pods.size()},
                     {"policies", view.cluster.policies.size()},
                     {"sets", sets_by_meaning(engine).size()},
                     {"addresses", members},
                     {"chains", chains},
                     {"iptablesRules", rule_count}};
    return status;
}

}  // namespace catflap::engine
