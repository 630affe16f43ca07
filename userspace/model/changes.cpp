// SPDX-License-Identifier: Apache-2.0
#include "model/changes.h"

namespace catflap {
namespace {

// Calls note(name, object before or nullptr) for each object that is not the same in both.
template <class Map, class Note>
void compare(const Map& before, const Map& after, Note note) {
    for (const auto& [name, object] : before)
        if (const auto found = after.find(name); found == after.end() || found->second != object)
            note(name, &object);
    for (const auto& [name, object] : after)
        if (!before.contains(name))
            note(name, nullptr);
}

}  // namespace

void Changes::append(Changes later) {
    everything |= later.everything;
    namespaces |= later.namespaces;
    nodes |= later.nodes;
    services |= later.services;
    policies.merge(later.policies);
    cluster_policies.merge(later.cluster_policies);
    pods.merge(later.pods);
}

Changes changes_between(const Cluster& before, const Cluster& after) {
    Changes changes;
    changes.namespaces = before.namespaces != after.namespaces;
    changes.nodes = before.nodes != after.nodes;
    changes.services = before.services != after.services || before.slices != after.slices;
    compare(before.policies, after.policies,
            [&](const ObjectName& name, const Policy*) { changes.policies.insert(name); });
    compare(before.cluster_policies, after.cluster_policies,
            [&](const PolicyName& name, const ClusterPolicy*) { changes.cluster_policies.insert(name); });
    compare(before.pods, after.pods, [&](const ObjectName& name, const Pod* pod) {
        changes.pods.emplace(name, pod ? std::optional(*pod) : std::nullopt);
    });
    return changes;
}

}  // namespace catflap
