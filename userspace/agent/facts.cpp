// SPDX-License-Identifier: Apache-2.0
#include "agent/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "resolve/order.h"

namespace catflap::agent {
namespace {

using report::Facts;
using report::UnenforcedPod;

std::vector<std::string> texts_of(const std::vector<PolicyName>& policies) {
    std::vector<std::string> result;
    for (const PolicyName& policy : policies)
        result.push_back(to_string(policy));
    return result;
}

ObjectName namespaced(std::string_view name) {
    const size_t slash = name.find('/');
    return slash == std::string_view::npos
               ? ObjectName{"", std::string(name)}
               : ObjectName{std::string(name.substr(0, slash)), std::string(name.substr(slash + 1))};
}

void add_source(Facts& facts, const AgentState& state) {
    facts.source_error = state.source_error;
    facts.commit_error = state.commit_error;
    if (!state.source)
        return;
    // What was lost at the start matters where an earlier version is missing.
    const bool misses_one = std::ranges::any_of(state.source->refusals(), [](const source::Diagnostic& refusal) {
        return refusal.in_force == source::Diagnostic::InForce::isolated ||
               refusal.in_force == source::Diagnostic::InForce::nothing;
    });
    if (const source::CacheStatus* cache = state.source->cache_status())
        facts.cache_error = !cache->error.empty() ? cache->error : misses_one ? cache->lost : "";
    for (const source::Diagnostic& refusal : state.source->refusals()) {
        if (facts.refused.size() == kMaxNamed)
            break;
        facts.refused.push_back({to_string(refusal), outcome_of(state, refusal)});
    }
    for (const compile::Refusal& one : state.not_admitted)
        if (facts.over_limit.size() < kMaxNamed)
            facts.over_limit.push_back(to_string(one) + ": " + one.reason);
}

void add_cluster_policies(Facts& facts, const AgentState& state) {
    if (!state.source || state.source->cluster().cluster_policies.empty())
        return;
    const Cluster& cluster = state.source->cluster();
    if (state.options.mode == Mode::iptables) {
        for (const auto& [name, policy] : cluster.cluster_policies)
            if (facts.other_mode.size() < kMaxNamed)
                facts.other_mode.push_back(
                    fmt::format("{}: iptables mode has no chains for policies of the cluster", to_string(name)));
        return;
    }
    std::vector<ObjectName> pods;
    for (const ObjectName& pod : state.local.pods)
        if (cluster.pods.contains(pod))
            pods.push_back(pod);
    for (const resolve::Tie& tie : resolve::ties(cluster, pods, kMaxNamed))
        if (facts.ties.size() < kMaxNamed)
            facts.ties.push_back(to_string(tie.first) + " " + to_string(tie));
}

void add_interfaces(Facts& facts, const AgentState& state) {
    for (const auto& [interface, error] : state.attach_errors)
        facts.not_attached.push_back({interface, error});
    for (const compile::EndpointSpec& endpoint : state.local.endpoints)
        if (!endpoint.pod && facts.unknown.size() < kMaxNamed)
            facts.unknown.push_back(endpoint.interface);
    const bool closed = state.guard && state.guard->closed();
    if (!closed && state.engine && state.links)
        for (const auto& [ifindex, link] : state.links->links())
            if (!state.engine->attached(ifindex) && facts.unjudged.size() < kMaxNamed)
                facts.unjudged.push_back(link.name);
}

void add_pods(Facts& facts, const AgentState& state) {
    for (const Unenforced& pod : state.local.unenforced)
        if (facts.unenforced.size() < kMaxNamed)
            facts.unenforced.push_back({to_string(pod.pod), "", pod.reason, texts_of(pod.policies)});
    const resolve::OutOfReachList& out_of_reach = out_of_reach_of(state);
    for (const resolve::SelectedOutOfReach& pod : out_of_reach.pods)
        facts.out_of_reach.push_back({to_string(pod.pod), pod.node, sentence_of(pod.why), texts_of(pod.policies)});
    facts.out_of_reach_count = out_of_reach.count;
}

void add_guard(Facts& facts, const AgentState& state) {
    facts.guard_wanted = state.options.mode == Mode::ebpf;  // chains of iptables mode close what they do not know
    facts.guard_on = state.guard && state.guard->closed();
    facts.guard_error = state.guard_error;
    facts.metrics_error = state.metrics_error;
    facts.tracking_error = state.tracking_error;
}

void add_audit(Facts& facts, const AgentState& state) {
    constexpr auto kRecent = std::chrono::minutes(10);
    if (!state.pin_error.empty())
        facts.missing_pins.push_back(state.pin_error);
    facts.verify_error = state.verify.trouble;
    const auto now = std::chrono::system_clock::now();
    for (size_t kind = 0; kind < state.mends.size(); ++kind)
        if (const engine::Mend& mend = state.mends[kind]; mend.last && now - *mend.last < kRecent)
            facts.recent_mends.push_back(
                fmt::format("{} ({} times since the agent started)", engine::kMendNames[kind], mend.count));
}

}  // namespace

std::optional<report::Outcome> outcome_of(const AgentState& state, const std::string& object) {
    using report::Outcome;
    const size_t space = object.find(' ');
    if (!state.source || space == std::string::npos)
        return std::nullopt;
    const Cluster& cluster = state.source->cluster();
    const std::string kind = object.substr(0, space);
    const ObjectName name = namespaced(std::string_view(object).substr(space + 1));
    if (const auto policy = cluster.policies.find(name); kind == "NetworkPolicy")
        return policy == cluster.policies.end() ? Outcome::nothing
               : policy->second.stands_in       ? Outcome::isolated
                                                : Outcome::last_good;
    for (const PolicyKind of_cluster : {PolicyKind::cluster_network_policy, PolicyKind::admin_network_policy,
                                        PolicyKind::baseline_admin_network_policy})
        if (kind == to_string(of_cluster))
            return cluster.cluster_policies.contains({of_cluster, name.name}) ? Outcome::last_good : Outcome::nothing;
    const bool known = kind == "Pod"             ? cluster.pods.contains(name)
                       : kind == "Namespace"     ? cluster.namespaces.contains(name.name)
                       : kind == "Node"          ? cluster.nodes.contains(name.name)
                       : kind == "Service"       ? cluster.services.contains(name)
                       : kind == "EndpointSlice" ? cluster.slices.contains(name)
                                                 : false;
    return known ? Outcome::last_good : Outcome::nothing;
}

std::optional<report::Outcome> outcome_of(const AgentState& state, const source::Diagnostic& refusal) {
    using InForce = source::Diagnostic::InForce;
    switch (refusal.in_force) {
        case InForce::last_good:
            return report::Outcome::last_good;
        case InForce::isolated:
            return report::Outcome::isolated;
        case InForce::nothing:
            return report::Outcome::nothing;
        case InForce::untold:
            break;
    }
    return outcome_of(state, refusal.object);
}

const resolve::OutOfReachList& out_of_reach_of(const AgentState& state) {
    static const resolve::OutOfReachList kNobody;
    return state.source && state.out_of_reach ? state.out_of_reach->list(state.source->cluster()) : kNobody;
}

Facts facts_of(const AgentState& state) {
    Facts facts;
    facts.audit = state.options.mode == Mode::audit;
    if (!state.enforcing)
        facts.starting = state.starting.error.empty()
                             ? "the first state is not committed yet"
                             : fmt::format("{}; interfaces that no program judges are {}", state.starting.error,
                                           state.starting.open ? "OPEN" : "closed");
    add_source(facts, state);
    add_cluster_policies(facts, state);
    add_interfaces(facts, state);
    add_pods(facts, state);
    add_guard(facts, state);
    add_audit(facts, state);
    facts.interfaces = state.options.interface_prefixes.text();
    facts.no_interfaces = state.enforcing && state.links->links().empty();
    return facts;
}

}  // namespace catflap::agent
