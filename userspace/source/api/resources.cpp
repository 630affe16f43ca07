// SPDX-License-Identifier: Apache-2.0
#include "source/api/resources.h"

#include <array>
#include <string>

namespace catflap::source {
namespace {

// Without Nodes only what hosts of other nodes may do is unknown, without Services what their addresses lead to: both
// are dropped then where a policy isolates, and told.
//
// Without the right to read a policy of the cluster (as after an upgrade whose RBAC was left out) a start does not wait
// for ever: what is missing is told.
constexpr std::array<Resource, 9> kResources = {{
    {"Namespace", "v1", "namespaces", "/api/v1/namespaces"},
    {"Pod", "v1", "pods", "/api/v1/pods"},
    {"NetworkPolicy", "networking.k8s.io/v1", "networkpolicies", "/apis/networking.k8s.io/v1/networkpolicies"},
    {"Node", "v1", "nodes", "/api/v1/nodes", false},
    {"Service", "v1", "services", "/api/v1/services", false},
    {"EndpointSlice", "discovery.k8s.io/v1", "endpointslices", "/apis/discovery.k8s.io/v1/endpointslices", false},
    {"ClusterNetworkPolicy", "policy.networking.k8s.io/v1alpha2", "clusternetworkpolicies",
     "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies", false, true},
    {"AdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1", "adminnetworkpolicies",
     "/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies", false, true},
    {"BaselineAdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1", "baselineadminnetworkpolicies",
     "/apis/policy.networking.k8s.io/v1alpha1/baselineadminnetworkpolicies", false, true},
}};

}  // namespace

std::span<const Resource> resources() {
    return kResources;
}

std::string full_name(const Resource& resource) {
    const size_t slash = resource.api_version.find('/');
    std::string name(resource.plural);
    if (slash != std::string_view::npos)
        name.append(".").append(resource.api_version.substr(0, slash));
    return name;
}

}  // namespace catflap::source
