// SPDX-License-Identifier: Apache-2.0
#include "source/cluster_objects.h"

#include <cassert>

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
auto& map_of(C& cluster, const Service*) {
    return cluster.services;
}
template <class C>
auto& map_of(C& cluster, const EndpointSlice*) {
    return cluster.slices;
}

template <class Map, class Key>
Object extract(Map& map, const Key& key) {
    auto node = map.extract(key);
    assert(!node.empty());
    return std::move(node.mapped());
}

}  // namespace

bool put_object(Cluster& cluster, Object object) {
    return std::visit(
        [&](auto& value) {
            auto& map = map_of(cluster, &value);
            const auto [entry, is_new] = map.try_emplace(value.name);
            if (!is_new && entry->second == value)
                return false;
            entry->second = std::move(value);
            return true;
        },
        object);
}

Object extract_object(Cluster& cluster, const std::string& key) {
    // Names hold neither a space nor a slash.
    const size_t space = key.find(' ');
    const std::string kind = key.substr(0, space);
    const std::string name = key.substr(space + 1);
    if (kind == "Namespace")
        return extract(cluster.namespaces, name);
    if (kind == "Node")
        return extract(cluster.nodes, name);
    const size_t slash = name.find('/');
    const ObjectName full{name.substr(0, slash), name.substr(slash + 1)};
    if (kind == "Pod")
        return extract(cluster.pods, full);
    if (kind == "Service")
        return extract(cluster.services, full);
    if (kind == "EndpointSlice")
        return extract(cluster.slices, full);
    return extract(cluster.policies, full);
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
