// SPDX-License-Identifier: Apache-2.0
#include "resolve/resolver.h"

#include <algorithm>

#include "resolve/cluster_rules.h"
#include "resolve/order.h"

namespace catflap::resolve {
namespace {

bool isolates(const Policy& policy, Direction direction) {
    return direction == Direction::ingress ? policy.isolates_ingress : policy.isolates_egress;
}

struct Unselected {
    const Pod* pod;
    std::vector<ObjectName>* selecting;
};

// pods: sorted by name. Policy by policy within a namespace, as policies are many, each at another place of the memory,
// and the node's pods few.
void select(const Cluster& cluster, const std::vector<Unselected>& pods) {
    for (auto first = pods.begin(); first != pods.end();) {
        const std::string& ns = first->pod->name.ns;
        const auto last = std::find_if(first, pods.end(), [&](const auto& one) { return one.pod->name.ns != ns; });
        for (auto policy = cluster.policies.lower_bound({ns, ""});
             policy != cluster.policies.end() && policy->first.ns == ns; ++policy)
            for (auto one = first; one != last; ++one)
                if (matches(policy->second.pods, one->pod->labels))
                    one->selecting->push_back(policy->first);
        first = last;
    }
}

// True: the pods' first, or last, declaration of a number.
bool add_ports(DeclaredPorts& declared, const Pod& pod) {
    bool changed = false;
    if (is_policed(pod))
        for (const NamedPort& port : pod.ports)
            changed |= declared[{port.name, port.protocol}][port.number]++ == 0;
    return changed;
}

bool remove_ports(DeclaredPorts& declared, const Pod& pod) {
    bool changed = false;
    if (!is_policed(pod))
        return false;
    for (const NamedPort& port : pod.ports) {
        const auto name = declared.find({port.name, port.protocol});
        const auto number = name->second.find(port.number);
        if (--number->second > 0)
            continue;
        changed = true;
        name->second.erase(number);
        if (name->second.empty())
            declared.erase(name);
    }
    return changed;
}

}  // namespace

bool Resolver::update(const Cluster& cluster, const std::vector<ObjectName>& pods, const Changes& changes) {
    if (changes.everything) {
        declared_.clear();
        ordered_.clear();
        locals_.clear();
        known_.clear();
    }
    const bool names_changed = count_ports(cluster, changes);
    if (!names_changed && !changes.everything && concerns_nobody(pods, changes))
        return false;
    std::set<ObjectName> dirty = reselect(cluster, pods, changes);
    reselect_cluster(cluster, pods, changes, dirty);
    if (names_changed) {
        known_.clear();
        dirty.insert(pods.begin(), pods.end());
    }
    const size_t before = locals_.size();
    std::erase_if(locals_, [&](const auto& entry) { return !std::ranges::binary_search(pods, entry.first); });
    // Whether it concerns a pod or not: one that is yet to come must not find what a policy was before.
    forget(changed_policies(cluster, changes));
    if (dirty.empty() && before == locals_.size() && !changes.everything)
        return false;
    for (const ObjectName& name : dirty) {
        Local& local = locals_[name];
        for (const Direction direction : kDirections)
            local.policies[static_cast<size_t>(direction)] =
                policy_of(cluster, cluster.pods.at(name), local, direction);
    }
    list(pods);
    // What only we still hold.
    std::erase_if(known_, [](const auto& entry) { return entry.second.use_count() <= 2; });
    std::erase_if(values_, [](const PolicyPointer& policy) { return policy.use_count() == 1; });
    return true;
}

// The pods are the ones of last time, and no policy and none of them has changed.
bool Resolver::concerns_nobody(const std::vector<ObjectName>& pods, const Changes& changes) const {
    const bool of_cluster = with_cluster_policies_ && (!changes.cluster_policies.empty() ||
                                                       (!ordered_.empty() && (changes.namespaces || changes.nodes)));
    return changes.policies.empty() && !of_cluster &&
           std::ranges::none_of(changes.pods, [&](const auto& entry) { return locals_.contains(entry.first); }) &&
           std::ranges::equal(
               pods, locals_, {}, {}, [](const auto& entry) -> const auto& { return entry.first; });
}

bool Resolver::count_ports(const Cluster& cluster, const Changes& changes) {
    if (changes.everything) {
        for (const auto& [name, pod] : cluster.pods)
            add_ports(declared_, pod);
        return false;  // everything is resolved anew in any case
    }
    bool changed = false;
    for (const auto& [name, before] : changes.pods) {
        // First what comes: what a pod had before and still has is never gone in between.
        if (const auto now = cluster.pods.find(name); now != cluster.pods.end())
            changed |= add_ports(declared_, now->second);
        if (before)
            changed |= remove_ports(declared_, *before);
    }
    return changed;
}

// Which policies select which pods; returns the pods whose rules may be others now.
std::set<ObjectName> Resolver::reselect(const Cluster& cluster, const std::vector<ObjectName>& pods,
                                        const Changes& changes) {
    std::set<ObjectName> dirty;
    std::vector<Unselected> anew;
    for (const ObjectName& name : pods) {
        const Pod& pod = cluster.pods.at(name);
        const auto [entry, added] = locals_.try_emplace(name);
        std::vector<ObjectName>& selecting = entry->second.selecting;
        if (added || changes.pods.contains(name)) {
            selecting.clear();
            anew.push_back({&pod, &selecting});
            dirty.insert(dirty.end(), name);
            continue;
        }
        for (auto changed = changes.policies.lower_bound({name.ns, ""});
             changed != changes.policies.end() && changed->ns == name.ns; ++changed) {
            const auto policy = cluster.policies.find(*changed);
            const bool selects = policy != cluster.policies.end() && matches(policy->second.pods, pod.labels);
            const auto place = std::ranges::lower_bound(selecting, *changed);
            const bool selected = place != selecting.end() && *place == *changed;
            if (selects && !selected)
                selecting.insert(place, *changed);
            else if (!selects && selected)
                selecting.erase(place);
            if (selects || selected)
                dirty.insert(dirty.end(), name);
        }
    }
    select(cluster, anew);
    return dirty;
}

void Resolver::reselect_cluster(const Cluster& cluster, const std::vector<ObjectName>& pods, const Changes& changes,
                                std::set<ObjectName>& dirty) {
    const bool other_policies = changes.everything || !changes.cluster_policies.empty();
    if (!with_cluster_policies_ || (ordered_.empty() && cluster.cluster_policies.empty()))
        return;
    if (other_policies) {
        ordered_ = in_order(cluster, ClusterTier::admin);
        const auto behind = in_order(cluster, ClusterTier::baseline);
        ordered_.insert(ordered_.end(), behind.begin(), behind.end());
    }
    const std::set<PolicyName> changed = changed_policies(cluster, changes);
    std::map<std::string, Labels> namespaces;
    for (const ObjectName& name : pods) {
        Local& local = locals_.at(name);
        if (other_policies || changes.namespaces || dirty.contains(name)) {
            const Pod& pod = cluster.pods.at(name);
            const auto [labels, unknown] = namespaces.try_emplace(name.ns);
            if (unknown)
                labels->second = namespace_labels(cluster, name.ns);
            std::vector<PolicyName> selecting;
            for (const PolicyName& policy : ordered_)
                if (selects(cluster.cluster_policies.at(policy), labels->second, pod))
                    selecting.push_back(policy);
            if (selecting != local.cluster)
                dirty.insert(name);
            local.cluster = std::move(selecting);
        }
        if (std::ranges::any_of(local.cluster, [&](const PolicyName& policy) { return changed.contains(policy); }))
            dirty.insert(name);
    }
}

std::set<PolicyName> Resolver::changed_policies(const Cluster& cluster, const Changes& changes) const {
    std::set<PolicyName> changed(changes.policies.begin(), changes.policies.end());
    changed.insert(changes.cluster_policies.begin(), changes.cluster_policies.end());
    for (const PolicyName& name : ordered_)
        if (changes.nodes && names_nodes(cluster.cluster_policies.at(name)))
            changed.insert(name);
    return changed;
}

PolicyPointer Resolver::policy_of(const Cluster& cluster, const Pod& pod, const Local& local, Direction direction) {
    Key key{direction, {}, {}};
    const auto use_own_ports = [&](const auto& policy) {
        if (direction == Direction::ingress && key.own_ports.empty() && names_own_ports(policy))
            key.own_ports = pod.ports;
    };
    const auto add_cluster_policies = [&](ClusterTier tier) {
        for (const PolicyName& name : local.cluster) {
            const ClusterPolicy& policy = cluster.cluster_policies.at(name);
            if (policy.tier != tier || !governs(policy, direction))
                continue;
            key.policies.push_back(name);
            use_own_ports(policy);
        }
        return key.policies.size();
    };
    const size_t admin_end = add_cluster_policies(ClusterTier::admin);
    for (const ObjectName& name : local.selecting) {
        const Policy& policy = cluster.policies.at(name);
        if (!isolates(policy, direction))
            continue;
        key.policies.emplace_back(name);
        use_own_ports(policy);
    }
    const size_t default_end = key.policies.size();
    // The tier default ends in Deny, and no rule of a NetworkPolicy passes on.
    const size_t baseline_end = default_end > admin_end ? default_end : add_cluster_policies(ClusterTier::baseline);
    const auto [entry, added] = known_.try_emplace(std::move(key));
    if (added)
        entry->second = *values_
                             .insert(make_policy(cluster, pod, entry->first,
                                                 {{kAdminTier, admin_end, 0, Action::pass},
                                                  {kDefaultTier, default_end, 0, Action::deny},
                                                  {kBaselineTier, baseline_end, 0, Action::pass}}))
                             .first;
    return entry->second;
}

// tiers: of the key's policies, also those that have none.
PolicyPointer Resolver::make_policy(const Cluster& cluster, const Pod& pod, const Key& key, std::vector<Tier> tiers) {
    auto policy = std::make_shared<DirectionPolicy>();
    policy->direction = key.direction;
    policy->policies = key.policies;
    size_t next = 0;
    for (Tier& tier : tiers) {
        if (tier.policies_end == next)
            continue;
        for (; next < tier.policies_end; ++next)
            if (const PolicyName& name = key.policies[next]; name.kind == PolicyKind::network_policy)
                append_rules(cluster.policies.at({name.ns, name.name}), key.direction, {pod.ports, declared_},
                             policy->rules);
            else
                append_rules(cluster.cluster_policies.at(name), key.direction, cluster, {pod.ports, declared_},
                             policy->rules);
        tier.rules_end = policy->rules.size();
        policy->tiers.push_back(std::move(tier));
    }
    return policy;
}

void Resolver::forget(const std::set<PolicyName>& policies) {
    if (policies.empty())
        return;
    std::erase_if(known_, [&](const auto& entry) {
        return std::ranges::any_of(entry.first.policies,
                                   [&](const PolicyName& name) { return policies.contains(name); });
    });
}

void Resolver::list(const std::vector<ObjectName>& pods) {
    resolved_ = {};
    std::map<const DirectionPolicy*, size_t> indices;
    for (const ObjectName& name : pods) {
        auto& endpoint = resolved_.endpoints[name];
        const Local& local = locals_.at(name);
        for (size_t i = 0; i < local.policies.size(); ++i) {
            const auto [entry, added] = indices.try_emplace(local.policies[i].get(), resolved_.policies.size());
            if (added)
                resolved_.policies.push_back(local.policies[i]);
            endpoint[i] = entry->second;
        }
    }
}

}  // namespace catflap::resolve
