// SPDX-License-Identifier: Apache-2.0
#include "engine/policy_rows.h"

#include <algorithm>

#include "resolve/cluster_rules.h"
#include "resolve/order.h"

namespace catflap::engine {
namespace {

// Pods of one namespace stand together.
size_t selected_endpoints(const View& view, const Policy& policy) {
    const Cluster& cluster = view.cluster;
    const auto first = std::ranges::lower_bound(view.pods, ObjectName{policy.name.ns, ""});
    size_t count = 0;
    for (auto name = first; name != view.pods.end() && name->ns == policy.name.ns; ++name)
        if (const auto pod = cluster.pods.find(*name); pod != cluster.pods.end())
            count += matches(policy.pods, pod->second.labels);
    return count;
}

}  // namespace

std::string place_of(const PolicyName& policy) {
    return policy.kind == PolicyKind::network_policy ? policy.ns : "/" + std::string(catflap::to_string(policy.kind));
}

PolicyName policy_at(const std::string& place, const std::string& name) {
    for (const PolicyKind kind : {PolicyKind::cluster_network_policy, PolicyKind::admin_network_policy,
                                  PolicyKind::baseline_admin_network_policy})
        if (place == place_of({kind, name}))
            return {kind, name};
    return {place, name};
}

Ranks::Ranks(const Cluster& cluster) {
    for (const ClusterTier tier : {ClusterTier::admin, ClusterTier::baseline}) {
        size_t rank = 0;
        for (const PolicyName& name : resolve::in_order(cluster, tier))
            ranks_[name] = ++rank;
    }
}

report::PolicyRow row_of(const View& view, const Policy& policy) {
    report::PolicyRow row;
    row.ns = policy.name.ns;
    row.name = policy.name.name;
    row.isolates_ingress = policy.isolates_ingress;
    row.isolates_egress = policy.isolates_egress;
    row.endpoints = selected_endpoints(view, policy);
    row.rules = policy.ingress.size() + policy.egress.size();
    row.stands_in = policy.stands_in;
    return row;
}

report::PolicyRow row_of(const View& view, const ClusterPolicy& policy, const Ranks& ranks) {
    report::PolicyRow row;
    row.kind = catflap::to_string(policy.name.kind);
    row.name = policy.name.name;
    row.tier = policy.tier == ClusterTier::admin ? resolve::kAdminTier : resolve::kBaselineTier;
    row.priority = policy.priority;
    row.rank = ranks.of(policy.name);
    row.isolates_ingress = !policy.ingress.empty();
    row.isolates_egress = !policy.egress.empty();
    for (const ObjectName& name : view.pods)
        if (const auto pod = view.cluster.pods.find(name); pod != view.cluster.pods.end())
            row.endpoints += resolve::selects(policy, namespace_labels(view.cluster, name.ns), pod->second);
    row.rules = policy.ingress.size() + policy.egress.size();
    return row;
}

}  // namespace catflap::engine
