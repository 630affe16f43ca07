// SPDX-License-Identifier: Apache-2.0
#include "resolve/order.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "resolve/cluster_rules.h"

namespace catflap::resolve {
namespace {

uint64_t rank_of(const ClusterPolicy& policy) {
    return policy.priority ? *policy.priority : std::numeric_limits<uint64_t>::max();
}

std::string tie_break(const PolicyName& policy) {
    return policy.name + "/" + policy.ns + "/Kubernetes" + std::string(catflap::to_string(policy.kind));
}

}  // namespace

bool comes_before(const ClusterPolicy& a, const ClusterPolicy& b) {
    if (rank_of(a) != rank_of(b))
        return rank_of(a) < rank_of(b);
    return tie_break(a.name) < tie_break(b.name);
}

namespace {

// Of a tier, in order: those that share their priority with the one before or behind them.
std::vector<const ClusterPolicy*> with_equals(const Cluster& cluster, ClusterTier tier) {
    std::vector<const ClusterPolicy*> policies;
    for (const PolicyName& name : in_order(cluster, tier))
        policies.push_back(&cluster.cluster_policies.at(name));
    const auto equal = [](const ClusterPolicy* a, const ClusterPolicy* b) {
        return a->priority && a->priority == b->priority;
    };
    std::vector<const ClusterPolicy*> result;
    for (size_t i = 0; i < policies.size(); ++i)
        if ((i > 0 && equal(policies[i - 1], policies[i])) ||
            (i + 1 < policies.size() && equal(policies[i], policies[i + 1])))
            result.push_back(policies[i]);
    return result;
}

// Those that select something in the namespace, in order; each namespace is looked at once.
using OfNamespace = std::map<std::string, std::vector<const ClusterPolicy*>>;

const std::vector<const ClusterPolicy*>& of_namespace(OfNamespace& known, const Cluster& cluster, const std::string& ns,
                                                      const std::vector<const ClusterPolicy*>& policies) {
    const auto [found, is_new] = known.try_emplace(ns);
    if (is_new) {
        const Labels labels = namespace_labels(cluster, ns);
        std::ranges::copy_if(policies, std::back_inserter(found->second),
                             [&](const ClusterPolicy* policy) { return matches(policy->subject.namespaces, labels); });
    }
    return found->second;
}

}  // namespace

namespace {

using Pairs = std::map<std::tuple<PolicyName, PolicyName, Direction>, ObjectName>;

// policies: in order, of the pod's namespace.
void add_ties_of(const Pod& pod, const std::vector<const ClusterPolicy*>& policies, Pairs& found) {
    std::array<const ClusterPolicy*, kDirections.size()> before{};
    for (const ClusterPolicy* policy : policies) {
        if (!matches(policy->subject.pods, pod.labels))
            continue;
        for (const Direction direction : kDirections) {
            if (!governs(*policy, direction))
                continue;
            const ClusterPolicy* last = std::exchange(before[static_cast<size_t>(direction)], policy);
            if (last && last->priority == policy->priority)
                found.try_emplace({last->name, policy->name, direction}, pod.name);
        }
    }
}

}  // namespace

std::vector<Tie> ties(const Cluster& cluster, const std::vector<ObjectName>& pods, size_t most) {
    Pairs found;
    for (const ClusterTier tier : {ClusterTier::admin, ClusterTier::baseline}) {
        const auto policies = with_equals(cluster, tier);
        OfNamespace known;
        for (const ObjectName& name : pods)
            if (const Pod& pod = cluster.pods.at(name); is_policed(pod) && found.size() < most)
                add_ties_of(pod, of_namespace(known, cluster, name.ns, policies), found);
    }
    std::vector<Tie> result;
    result.reserve(found.size());
    for (const auto& [pair, pod] : found)
        result.push_back({std::get<0>(pair), std::get<1>(pair), std::get<2>(pair), pod});
    return result;
}

std::string to_string(const Tie& tie) {
    return fmt::format(
        "has the priority of {}, and both govern the {} of pod {}: {} comes first, by its name; give them different "
        "priorities",
        catflap::to_string(tie.second), tie.direction == Direction::ingress ? "ingress" : "egress",
        catflap::to_string(tie.pod), catflap::to_string(tie.first));
}

std::vector<PolicyName> in_order(const Cluster& cluster, ClusterTier tier) {
    std::vector<const ClusterPolicy*> policies;
    for (const auto& [name, policy] : cluster.cluster_policies)
        if (policy.tier == tier)
            policies.push_back(&policy);
    std::ranges::sort(policies, [](const ClusterPolicy* a, const ClusterPolicy* b) { return comes_before(*a, *b); });
    std::vector<PolicyName> names;
    names.reserve(policies.size());
    for (const ClusterPolicy* policy : policies)
        names.push_back(policy->name);
    return names;
}

}  // namespace catflap::resolve
