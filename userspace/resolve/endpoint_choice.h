// SPDX-License-Identifier: Apache-2.0
// Which endpoints of a Service's port kube-proxy leads to: the rule of Kubernetes 1.35, pkg/proxy/topology.go.
// publishNotReadyAddresses and trafficDistribution are not looked at: the slice controller turns them into the
// condition `ready` and into hints.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "model/service.h"

namespace catflap::resolve {

struct Backend {
    Address address;
    uint16_t port = 0;

    auto operator<=>(const Backend&) const = default;
};

// An endpoint with the number that one port of the Service has there.
struct Candidate {
    Backend backend;
    const SliceEndpoint* endpoint = nullptr;
};

// The node of the kube-proxy.
struct ProxyNode {
    std::string name;
    std::string zone;  // "": not known
};

// Every backend that may be chosen under the policy; sorted, unique. candidates: those of one port, in one family.
// - The ready ones. With the policy `local`: those of the node.
// - With the policy `cluster`, of these only those with a hint for the node, if each has a hint for some node and one
//   has it for this node; else the same with zones.
// - If none is ready, those that are terminating and still serve. Hints do not count for them.
std::vector<Backend> endpoints_in_use(const std::vector<Candidate>& candidates, TrafficPolicy policy,
                                      const ProxyNode& node);

}  // namespace catflap::resolve
