// SPDX-License-Identifier: Apache-2.0
#include "resolve/order.h"

#include <algorithm>
#include <limits>

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

const ObjectName* common_pod(const Cluster& cluster, const std::vector<ObjectName>& pods, const ClusterPolicy& a,
                             const ClusterPolicy& b) {
    for (const ObjectName& name : pods) {
        const Pod& pod = cluster.pods.at(name);
        const Labels labels = namespace_labels(cluster, name.ns);
        if (selects(a, labels, pod) && selects(b, labels, pod))
            return &name;
    }
    return nullptr;
}

}  // namespace

std::vector<Tie> ties(const Cluster& cluster, const std::vector<ObjectName>& pods) {
    std::vector<Tie> found;
    for (const ClusterTier tier : {ClusterTier::admin, ClusterTier::baseline}) {
        const std::vector<PolicyName> order = in_order(cluster, tier);
        for (size_t i = 0; i < order.size(); ++i) {
            const ClusterPolicy& a = cluster.cluster_policies.at(order[i]);
            for (size_t k = i + 1; k < order.size(); ++k) {
                const ClusterPolicy& b = cluster.cluster_policies.at(order[k]);
                if (!a.priority || a.priority != b.priority)
                    break;
                const bool both[] = {governs(a, Direction::egress) && governs(b, Direction::egress),
                                     governs(a, Direction::ingress) && governs(b, Direction::ingress)};
                const ObjectName* pod = both[0] || both[1] ? common_pod(cluster, pods, a, b) : nullptr;
                for (const Direction direction : kDirections)
                    if (pod && both[static_cast<size_t>(direction)])
                        found.push_back({order[i], order[k], direction, *pod});
            }
        }
    }
    return found;
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
    for (const ClusterPolicy* policy : policies)
        names.push_back(policy->name);
    return names;
}

}  // namespace catflap::resolve
