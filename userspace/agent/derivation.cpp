// SPDX-License-Identifier: Apache-2.0
#include "agent/derivation.h"

#include <algorithm>
#include <utility>

namespace catflap::agent {
namespace {

bool isolates_egress(const resolve::PolicyPointer& policy) {
    return policy->direction == resolve::Direction::egress && !policy->policies.empty();
}

bool touches_host_ports(const Cluster& cluster, const Changes& changes) {
    return std::ranges::any_of(changes.pods, [&](const auto& entry) {
        const auto now = cluster.pods.find(entry.first);
        return (entry.second && !entry.second->host_ports.empty()) ||
               (now != cluster.pods.end() && !now->second.host_ports.empty());
    });
}

}  // namespace

bool Derivation::is_urgent(const Cluster& cluster, const Changes& changes) const {
    if (changes.everything || changes.namespaces || !changes.policies.empty() || links_changed_)
        return true;
    return std::ranges::any_of(changes.pods, [&](const auto& entry) {
        const auto now = cluster.pods.find(entry.first);
        return pods_.names().contains(entry.first) || (now != cluster.pods.end() && now->second.node == node_);
    });
}

compile::Desired Derivation::update(const Cluster& cluster, Changes changes, const LinkWatcher& links) {
    changes.everything |= !std::exchange(begun_, true);
    departed_.update(cluster, changes);
    const bool pods_changed = pods_.update(cluster, changes);
    out_of_reach_changed_ |= out_of_reach_.update(cluster, changes);
    // Policies: those of pods for which nothing is enforced are listed.
    const bool match = std::exchange(links_changed_, false) || pods_changed || !changes.policies.empty();
    if (match)
        local_ = match_endpoints(cluster, pods_.names(), links.links());
    const bool rules_changed = resolver_.update(cluster, local_.pods, changes);
    const bool addresses_changed = addresses_ != links.local_addresses();
    if (addresses_changed)
        addresses_ = links.local_addresses();
    const bool look_at_frontends = changes.everything || changes.services || changes.nodes || rules_changed ||
                                   addresses_changed || touches_host_ports(cluster, changes);
    // Only egress rules look at frontends. Without any, Services may come and go for nothing.
    if (look_at_frontends) {
        frontends_ =
            std::ranges::any_of(resolved().policies, isolates_egress)
                ? resolve::frontends_of(cluster, {node_, addresses_, {pods_.names().begin(), pods_.names().end()}})
                : std::vector<resolve::Frontend>{};
        departed_.set_frontends(frontends_);
    }
    uncommitted_ |= match || rules_changed || look_at_frontends;
    return {cluster, resolved(), local_.endpoints, frontends_, std::move(changes), !uncommitted_, departed_.pods()};
}

}  // namespace catflap::agent
