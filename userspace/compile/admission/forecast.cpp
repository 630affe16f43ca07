// SPDX-License-Identifier: Apache-2.0
#include "compile/admission/forecast.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace catflap::compile {
namespace {

using Nodes = std::map<std::string, std::vector<ObjectName>>;

// Labels that the selector matches, if it asks for labels only to be there or to have a value of a list.
Labels labels_for(const Selector& selector) {
    Labels labels;
    for (const LabelRequirement& requirement : selector.requirements) {
        if (requirement.op == LabelRequirement::Operator::in && !requirement.values.empty())
            labels.set(requirement.key, requirement.values.front());
        if (requirement.op == LabelRequirement::Operator::exists)
            labels.add(requirement.key, "");
    }
    return labels;
}

void add_imaginary_pods(Cluster& cluster) {
    for (const auto& [name, policy] : cluster.policies) {
        const auto selects = [&](const auto& entry) {
            return is_policed(entry.second) && entry.first.ns == policy.name.ns &&
                   matches(policy.pods, entry.second.labels);
        };
        if (std::any_of(cluster.pods.lower_bound({name.ns, ""}), cluster.pods.end(), selects))
            continue;
        Pod pod;
        pod.name = {name.ns, "pod of policy " + name.name};  // no pod's name
        pod.labels = labels_for(policy.pods);
        if (matches(policy.pods, pod.labels))
            cluster.pods[pod.name] = std::move(pod);
    }
}

resolve::ThisNode one_node_of_all(const Cluster& cluster) {
    std::map<std::tuple<std::string, Labels, std::vector<NamedPort>>, ObjectName> kinds;
    for (const auto& [name, pod] : cluster.pods)
        if (is_policed(pod))
            kinds.try_emplace({name.ns, pod.labels, pod.ports}, name);
    resolve::ThisNode node;
    for (const auto& [kind, name] : kinds)
        node.pods.push_back(name);
    std::ranges::sort(node.pods);
    return node;
}

Nodes nodes_of(const Cluster& cluster) {
    Nodes nodes;
    for (const auto& [name, pod] : cluster.pods)
        if (is_policed(pod))
            nodes[pod.node].push_back(name);
    return nodes;
}

}  // namespace

std::vector<Forecast> forecast(const Cluster& source, const Limits& limits) {
    // The fullest ones: in a large cluster they stand for the rest.
    constexpr size_t kMostNodes = 20;
    Cluster cluster = source;
    add_imaginary_pods(cluster);
    Limits for_one = limits;
    for_one.endpoints = UINT32_MAX / 2;
    if (admit(cluster, one_node_of_all(cluster), for_one).complete())
        return {};
    Nodes nodes = nodes_of(cluster);
    std::vector<std::pair<size_t, std::string>> fullest;
    for (const auto& [node, pods] : nodes)
        fullest.emplace_back(pods.size(), node);
    std::ranges::sort(fullest, std::greater());
    fullest.resize(std::min(fullest.size(), kMostNodes));
    std::vector<Forecast> result;
    for (const auto& [count, node] : fullest)
        for (Refusal& refusal : admit(cluster, {node, {}, nodes.at(node)}, limits).refusals)
            result.push_back({node, std::move(refusal)});
    return result;
}

}  // namespace catflap::compile
