// SPDX-License-Identifier: Apache-2.0
#include "resolve/out_of_reach.h"

#include <algorithm>
#include <utility>

#include "resolve/cluster_rules.h"

namespace catflap::resolve {

std::vector<PolicyName> policies_selecting(const Cluster& cluster, const Pod& pod) {
    std::vector<PolicyName> result;
    for (auto policy = cluster.policies.lower_bound({pod.name.ns, ""});
         policy != cluster.policies.end() && policy->first.ns == pod.name.ns; ++policy)
        if (matches(policy->second.pods, pod.labels))
            result.emplace_back(policy->first);
    if (!cluster.cluster_policies.empty()) {
        const Labels of_namespace = namespace_labels(cluster, pod.name.ns);
        for (const auto& [name, one] : cluster.cluster_policies)
            if (selects(one, of_namespace, pod))
                result.push_back(name);
    }
    return result;
}

const char* sentence_of(OutOfReach why) {
    switch (why) {
        case OutOfReach::virtual_node:
            return "a virtual node has no veths, and no agent";
        case OutOfReach::unknown_node:
            return "the source has no Node of this name, so nothing tells whether an agent runs there";
        case OutOfReach::host_network:
            break;
    }
    return "it uses the network of its node (hostNetwork), to which policies do not apply";
}

std::optional<OutOfReach> out_of_reach(const Cluster& cluster, const Pod& pod) {
    if (pod.finished || pod.node.empty())
        return std::nullopt;
    const auto node = cluster.nodes.find(pod.node);
    if (node != cluster.nodes.end() && node->second.is_virtual)
        return OutOfReach::virtual_node;
    if (pod.host_network)
        return OutOfReach::host_network;
    return node == cluster.nodes.end() ? std::optional(OutOfReach::unknown_node) : std::nullopt;
}

bool OutOfReachPods::counts(const Cluster& cluster, const Pod& pod) const {
    const auto why = out_of_reach(cluster, pod);
    if (!why || this_node_.empty())
        return why.has_value();
    return (pod.node == this_node_) == (*why == OutOfReach::host_network);
}

void OutOfReachPods::look_again_at_changed_namespaces() const {
    for (const std::string& ns : std::exchange(changed_namespaces_, {}))
        for (auto pod = pods_.lower_bound({ns, ""}); pod != pods_.end() && pod->first.ns == ns; ++pod)
            pod->second = Selected::unknown;
}

void OutOfReachPods::update(const Cluster& cluster, const Changes& changes) {
    const bool everything = changes.everything || changes.nodes;
    stale_ |= everything || !changes.policies.empty();
    if (!changes.cluster_policies.empty() || (changes.namespaces && !cluster.cluster_policies.empty())) {
        stale_ = true;
        for (auto& [name, selected] : pods_)
            selected = Selected::unknown;
    }
    if (everything) {
        pods_.clear();
        changed_namespaces_.clear();
        for (const auto& [name, pod] : cluster.pods)
            if (counts(cluster, pod))
                pods_.emplace_hint(pods_.end(), name, Selected::unknown);
    }
    for (const ObjectName& policy : changes.policies)
        if (const auto pod = pods_.lower_bound({policy.ns, ""}); pod != pods_.end() && pod->first.ns == policy.ns)
            changed_namespaces_.insert(policy.ns);
    for (const auto& [name, before] : changes.pods) {
        const auto now = cluster.pods.find(name);
        const bool is_in = now != cluster.pods.end() && counts(cluster, now->second);
        const bool was_in = is_in ? !pods_.insert_or_assign(name, Selected::unknown).second : pods_.erase(name) > 0;
        stale_ |= is_in || was_in;
    }
}

const OutOfReachList& OutOfReachPods::list(const Cluster& cluster) const {
    if (!std::exchange(stale_, false))
        return list_;
    look_again_at_changed_namespaces();
    const auto before = std::exchange(list_, {});
    auto listed = before.pods.begin();  // by name, as pods_ is
    for (auto& [name, selected] : pods_) {
        if (selected == Selected::no)
            continue;
        const auto pod = cluster.pods.find(name);  // it may have gone since
        const auto why = pod == cluster.pods.end() ? std::nullopt : out_of_reach(cluster, pod->second);
        if (!why)
            continue;
        listed = std::find_if(listed, before.pods.end(), [&](const auto& one) { return one.pod >= name; });
        std::vector<PolicyName> policies;
        const bool has_room = list_.pods.size() < OutOfReachList::kMaxPods;
        if (selected == Selected::yes && listed != before.pods.end() && listed->pod == name)
            policies = listed->policies;
        else if (selected == Selected::unknown || has_room)
            policies = policies_selecting(cluster, pod->second);
        if (selected == Selected::unknown)
            selected = policies.empty() ? Selected::no : Selected::yes;
        if (selected == Selected::no)
            continue;
        ++list_.count;
        if (has_room)
            list_.pods.push_back({name, pod->second.node, *why, std::move(policies)});
    }
    return list_;
}

}  // namespace catflap::resolve
