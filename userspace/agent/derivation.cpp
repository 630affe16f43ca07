// SPDX-License-Identifier: Apache-2.0
#include "agent/derivation.h"

#include <algorithm>
#include <utility>

namespace catflap::agent {
namespace {

bool has_egress_rules(const resolve::PolicyPointer& policy) {
    return policy->direction == resolve::Direction::egress && !policy->rules.empty();
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
    if (changes.everything || changes.namespaces || !changes.policies.empty() || !changes.cluster_policies.empty() ||
        links_changed_)
        return true;
    // Peers may be nodes.
    if (changes.nodes && !cluster.cluster_policies.empty())
        return true;
    return std::ranges::any_of(changes.pods, [&](const auto& entry) {
        const auto now = cluster.pods.find(entry.first);
        return pods_.names().contains(entry.first) || (now != cluster.pods.end() && now->second.node == node_);
    });
}

void Derivation::does_not_fit(const compile::Limits& limits) {
    limits_ = limits;
    must_admit_ = true;
}

bool Derivation::is_admission_due() const {
    return admission_stale_ && !admission_.complete() && std::chrono::steady_clock::now() >= admit_again_at_;
}

// Compiles the state several times, so while everything fits nobody asks. While it does not, what other nodes' pods do
// may wait; each answer depends on nothing but the state that it is asked about.
bool Derivation::admit(const Cluster& source, bool urgent, bool changed) {
    constexpr int kRest = 20;
    admission_stale_ |= changed;
    if (!must_admit_ && (admission_.complete() || !admission_stale_ || (!urgent && !is_admission_due())))
        return false;
    const auto begin = std::chrono::steady_clock::now();
    admission_ = compile::admit(source, this_node(matched_.pods), limits_, alive_);
    const auto end = std::chrono::steady_clock::now();
    admit_again_at_ = end + kRest * (end - begin);
    must_admit_ = false;
    admission_stale_ = false;
    return true;
}

// As interfaces without a pod they are closed.
void Derivation::close_refused_pods() {
    local_ = matched_;
    if (admission_.closed.empty())
        return;
    const auto refused = [&](const ObjectName& pod) { return admission_.closed.contains(pod); };
    std::erase_if(local_.pods, refused);
    for (compile::EndpointSpec& endpoint : local_.endpoints)
        if (endpoint.pod && refused(*endpoint.pod)) {
            compile::EndpointSpec closed;
            closed.ifindex = endpoint.ifindex;
            closed.interface = endpoint.interface;
            endpoint = std::move(closed);
        }
}

compile::Desired Derivation::update(const Cluster& source, Changes changes, const std::map<uint32_t, Link>& links,
                                    const std::vector<Address>& node_addresses) {
    changes.everything |= !std::exchange(begun_, true);
    const bool urgent = is_urgent(source, changes);
    const bool changed = urgent || !changes.empty();
    departed_.update(source, changes);
    const bool pods_changed = pods_.update(source, changes);
    out_of_reach_.update(source, changes);
    // Policies: those of pods for which nothing is enforced are listed.
    bool match = std::exchange(links_changed_, false) || pods_changed || !changes.policies.empty() ||
                 !changes.cluster_policies.empty() || (changes.namespaces && !source.cluster_policies.empty());
    if (match)
        matched_ = match_endpoints(source, pods_.names(), links, prefixes_);
    const bool addresses_changed = addresses_ != node_addresses;
    if (addresses_changed)
        addresses_ = node_addresses;
    match |= admit(source, urgent, changed || addresses_changed);
    if (match)
        close_refused_pods();
    const Cluster& cluster = admitted_.update(source, admission_, changes);
    const bool rules_changed = resolver_.update(cluster, local_.pods, changes);
    const bool look_at_frontends = changes.everything || changes.services || changes.nodes || rules_changed ||
                                   addresses_changed || touches_host_ports(cluster, changes);
    // Only egress rules look at frontends. Without any, Services may come and go for nothing.
    if (look_at_frontends) {
        frontends_ = std::ranges::any_of(resolved().policies, has_egress_rules)
                         ? resolve::frontends_of(cluster, this_node({pods_.names().begin(), pods_.names().end()}))
                         : std::vector<resolve::Frontend>{};
        departed_.set_frontends(frontends_);
    }
    uncommitted_ |= match || rules_changed || look_at_frontends;
    return {cluster, resolved(), local_.endpoints, frontends_, std::move(changes), !uncommitted_, departed_.pods()};
}

}  // namespace catflap::agent
