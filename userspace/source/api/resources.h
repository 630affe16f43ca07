// SPDX-License-Identifier: Apache-2.0
// The kinds that are read from the Kubernetes API: one row each.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace catflap::source {

struct Resource {
    std::string_view kind;         // "NetworkPolicy"
    std::string_view api_version;  // "networking.k8s.io/v1"
    std::string_view plural;       // "networkpolicies"
    std::string_view path;         // "/apis/networking.k8s.io/v1/networkpolicies": of all namespaces
    // Nothing can be enforced without it: a start waits for its first list, or for what the cache has of it.
    bool required = true;
    // It comes with a CustomResourceDefinition: the server may not know it.
    bool may_be_absent = false;
};

std::span<const Resource> resources();
// As RBAC and kubectl write it: "networkpolicies.networking.k8s.io", "pods".
std::string full_name(const Resource& resource);

}  // namespace catflap::source
