// SPDX-License-Identifier: Apache-2.0
#include "engine/ebpf/lists.h"

namespace catflap::engine {
namespace {

using report::Kind;

AllowedAndDropped split(const catflap_endpoint_counter& counter) {
    return {{counter.allowed.packets, counter.allowed.bytes}, {counter.dropped.packets, counter.dropped.bytes}};
}

report::EndpointRow row_of(const View& view, const EbpfEngine& engine, const compile::LoadedEndpoint& endpoint) {
    report::EndpointRow row = endpoint_row(view, endpoint.spec);
    if (endpoint.spec.pod) {
        const kernel::EndpointCounts counts = engine.datapath().endpoint_counts(endpoint.slot);
        row.from_pod = split(counts.from_pod);
        row.to_pod = split(counts.to_pod);
        row.egress_policies = texts_of(endpoint.tables[CATFLAP_FROM_POD]->policy->policies);
        row.ingress_policies = texts_of(endpoint.tables[CATFLAP_TO_POD]->policy->policies);
    }
    row.slot = endpoint.slot;
    row.generation = endpoint.generation;
    if (engine.attached(endpoint.spec.ifindex))
        row.attached_by = engine.attached_by();
    else
        row.state = report::EndpointState::not_attached;
    return row;
}

Result<> list_endpoints(const View& view, const EbpfEngine& engine, report::Page& page) {
    const auto& endpoints = engine.loaded().endpoints;
    const auto cursor = page.cursor("n");
    if (!cursor)
        return tl::unexpected(cursor.error());
    auto next = *cursor ? endpoints.upper_bound(static_cast<uint32_t>((*cursor)->number(0))) : endpoints.begin();
    for (; next != endpoints.end(); ++next) {
        const compile::EndpointSpec& spec = next->second.spec;
        const ObjectName pod = spec.pod.value_or(ObjectName{});
        if (page.wants(pod.ns, pod.name, spec.interface) && page.of_endpoint(pod.ns, pod.name, spec.interface))
            page.add(row_of(view, engine, next->second));
        if (page.full() && std::next(next) != endpoints.end()) {
            page.continue_at({uint64_t{next->first}});
            break;
        }
    }
    return {};
}

void add(Counted& sum, const catflap_counter& part) {
    sum.add(part.packets, part.bytes);
}

// What the end of a tier drops, every policy of it that governs the pod has dropped.
std::map<PolicyName, CountedByDirection> count_ends(const EbpfEngine& engine) {
    std::map<PolicyName, CountedByDirection> result;
    const auto& numbers = engine.loaded().decisions.numbers();
    for (auto decision = numbers.lower_bound({true, resolve::Direction::egress, {}, 0, 0}); decision != numbers.end();
         ++decision) {
        const catflap_counter counted = engine.datapath().ledger().count(decision->second);
        for (const PolicyName& policy : decision->first.policies)
            add(of(result[policy], decision->first.direction).dropped, counted);
    }
    return result;
}

// What a policy allowed and dropped since it was first enforced, in rules that are gone too.
CountedByDirection count_policy(const EbpfEngine& engine, const std::map<PolicyName, CountedByDirection>& ends,
                                const PolicyName& name) {
    const auto dropped = ends.find(name);
    CountedByDirection counted = dropped == ends.end() ? CountedByDirection{} : dropped->second;
    const auto& numbers = engine.loaded().decisions.numbers();
    for (const resolve::Direction direction : resolve::kDirections) {
        AllowedAndDropped& sum = of(counted, direction);
        const kernel::PolicyTotals settled = engine.datapath().ledger().settled(name, direction);
        add(sum.allowed, settled.allowed);
        add(sum.dropped, settled.dropped);
        const std::vector<PolicyName> alone = {name};
        for (auto rule = numbers.lower_bound({false, direction, alone, 0, 0});
             rule != numbers.end() && !rule->first.is_default && rule->first.direction == direction &&
             rule->first.policies == alone;
             ++rule)
            add(rule->first.drops() ? sum.dropped : sum.allowed, engine.datapath().ledger().count(rule->second));
    }
    return counted;
}

Result<> list_ebpf_policies(const View& view, const EbpfEngine& engine, report::Page& page) {
    const auto ends = count_ends(engine);
    return list_policies(view, page, [&](const PolicyName& name) { return count_policy(engine, ends, name); });
}

Result<> list_ebpf_rules(const View& view, const EbpfEngine& engine, report::Page& page) {
    return list_rules(view, page, [&](resolve::Direction direction, const resolve::Rule& rule) {
        Counted counted;
        const auto& numbers = engine.loaded().decisions.numbers();
        if (const auto found = numbers.find(compile::rule_decision(direction, rule)); found != numbers.end())
            add(counted, engine.datapath().ledger().count(found->second));
        return counted;
    });
}

// Counted by the datapath and, where the guard is a table of nftables, by that table.
Result<> list_drops(const View& view, const EbpfEngine& engine, report::Page& page) {
    for (uint32_t reason = CATFLAP_REASON_NONE + 1; reason < CATFLAP_REASON_COUNT; ++reason) {
        if (!page.wants("", label_of(reason)))
            continue;
        const auto counted = engine.datapath().drop_count(reason);
        if (!counted)
            continue;
        Counted dropped;
        add(dropped, *counted);
        if (reason == CATFLAP_REASON_UNJUDGED && view.dropped_by_guard)
            dropped.add(view.dropped_by_guard().value_or(Counted{}));
        page.add(drop_row(reason, dropped));
    }
    return {};
}

Result<> list_maps(const View& view, const EbpfEngine& engine, report::Page& page) {
    for (const report::MapRow& map : map_rows(view, engine))
        if (page.wants("", map.name))
            page.add(map);
    return {};
}

}  // namespace

Result<> list_ebpf(const View& view, const EbpfEngine& engine, report::Page& page) {
    switch (page.query().kind) {
        case Kind::endpoints:
            return list_endpoints(view, engine, page);
        case Kind::policies:
            return list_ebpf_policies(view, engine, page);
        case Kind::rules:
            return list_ebpf_rules(view, engine, page);
        case Kind::sets:
            return list_sets(view, engine, page);
        case Kind::flows:
            return list_flows(engine, page);
        case Kind::drops:
            return list_drops(view, engine, page);
        case Kind::maps:
            return list_maps(view, engine, page);
    }
    return fail("there is no such kind");
}

}  // namespace catflap::engine
