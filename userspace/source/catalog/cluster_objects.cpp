// SPDX-License-Identifier: Apache-2.0
#include "source/catalog/cluster_objects.h"

#include <cassert>

#include "source/cache/manifest_text.h"

namespace catflap::source {
namespace {

// C is Cluster or const Cluster.
template <class C>
auto& map_of(C& cluster, const Namespace*) {
    return cluster.namespaces;
}
template <class C>
auto& map_of(C& cluster, const Node*) {
    return cluster.nodes;
}
template <class C>
auto& map_of(C& cluster, const Pod*) {
    return cluster.pods;
}
template <class C>
auto& map_of(C& cluster, const Policy*) {
    return cluster.policies;
}
template <class C>
auto& map_of(C& cluster, const ClusterPolicy*) {
    return cluster.cluster_policies;
}
template <class C>
auto& map_of(C& cluster, const Service*) {
    return cluster.services;
}
template <class C>
auto& map_of(C& cluster, const EndpointSlice*) {
    return cluster.slices;
}

// before: nullptr, it was not there.
void note(Changes& changes, const Namespace&, const Namespace*) {
    changes.namespaces = true;
}
void note(Changes& changes, const Node&, const Node*) {
    changes.nodes = true;
}
void note(Changes& changes, const Pod& pod, const Pod* before) {
    if (!changes.everything)
        changes.pods.try_emplace(pod.name, before ? std::optional(*before) : std::nullopt);
}
void note(Changes& changes, const Policy& policy, const Policy*) {
    changes.policies.insert(policy.name);
}
void note(Changes& changes, const ClusterPolicy& policy, const ClusterPolicy*) {
    changes.cluster_policies.insert(policy.name);
}
void note(Changes& changes, const Service&, const Service*) {
    changes.services = true;
}
void note(Changes& changes, const EndpointSlice&, const EndpointSlice*) {
    changes.services = true;
}

template <class Map, class Key>
Object extract(Map& map, const Key& key, Changes& changes) {
    auto node = map.extract(key);
    assert(!node.empty());
    note(changes, node.mapped(), &node.mapped());
    return std::move(node.mapped());
}

// Calls use(map, name) for what object_key() says. C is Cluster or const Cluster.
template <class C, class Use>
auto with_map_of(C& cluster, const std::string& key, Use use) {
    // Names hold neither a space nor a slash.
    const size_t space = key.find(' ');
    const std::string kind = key.substr(0, space);
    const std::string name = key.substr(space + 1);
    if (kind == "Namespace")
        return use(cluster.namespaces, name);
    if (kind == "Node")
        return use(cluster.nodes, name);
    for (const PolicyKind policy : {PolicyKind::cluster_network_policy, PolicyKind::admin_network_policy,
                                    PolicyKind::baseline_admin_network_policy})
        if (kind == to_string(policy))
            return use(cluster.cluster_policies, PolicyName{policy, name});
    const size_t slash = name.find('/');
    const ObjectName full{name.substr(0, slash), name.substr(slash + 1)};
    if (kind == "Pod")
        return use(cluster.pods, full);
    if (kind == "Service")
        return use(cluster.services, full);
    if (kind == "EndpointSlice")
        return use(cluster.slices, full);
    return use(cluster.policies, full);
}

}  // namespace

bool put_object(Cluster& cluster, Object object, Changes& changes) {
    return std::visit(
        [&](auto& value) {
            auto& map = map_of(cluster, &value);
            const auto [entry, is_new] = map.try_emplace(value.name);
            if (!is_new && entry->second == value)
                return false;
            note(changes, value, is_new ? nullptr : &entry->second);
            entry->second = std::move(value);
            return true;
        },
        object);
}

Object extract_object(Cluster& cluster, const std::string& key, Changes& changes) {
    return with_map_of(cluster, key, [&](auto& map, const auto& name) { return extract(map, name, changes); });
}

std::string manifest_of(const Cluster& cluster, const std::string& key) {
    return with_map_of(cluster, key, [](const auto& map, const auto& name) { return manifest_text(map.at(name)); });
}

bool holds_object(const Cluster& cluster, const Object& object) {
    return std::visit(
        [&](const auto& value) {
            const auto& map = map_of(cluster, &value);
            const auto found = map.find(value.name);
            return found != map.end() && found->second == value;
        },
        object);
}

}  // namespace catflap::source
