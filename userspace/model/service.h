// SPDX-License-Identifier: Apache-2.0
// The part of Services that kube-proxy turns into destination NAT: a policy speaks of the backend, and the pod sends to
// the Service. https://kubernetes.io/docs/reference/networking/virtual-ips/
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/policy.h"

namespace catflap {

struct ServicePort {
    std::string name;
    Protocol protocol = Protocol::tcp;
    uint16_t port = 0;
    uint16_t node_port = 0;  // 0: none

    auto operator<=>(const ServicePort&) const = default;
};

// Local: only the endpoints of the node that the packet passes.
enum class TrafficPolicy : uint8_t { cluster, local };

struct Service {
    ObjectName name;
    std::vector<Address> addresses;           // cluster IPs; none: headless
    std::vector<Address> external_addresses;  // external IPs, load balancer IPs
    std::vector<ServicePort> ports;
    TrafficPolicy internal_policy = TrafficPolicy::cluster;  // of the cluster IPs
    TrafficPolicy external_policy = TrafficPolicy::cluster;  // of external addresses and node ports

    bool operator==(const Service&) const = default;
};

struct SliceEndpoint {
    std::vector<Address> addresses;
    std::string node;
    bool ready = true;  // a condition that is missing: ready, serving, not terminating
    bool serving = true;
    bool terminating = false;
    std::vector<std::string> for_zones{};  // hints: which nodes are meant to use it; none: no hint
    std::vector<std::string> for_nodes{};

    bool operator==(const SliceEndpoint&) const = default;
};

struct SlicePort {
    std::string name;
    Protocol protocol = Protocol::tcp;
    uint16_t port = 0;

    bool operator==(const SlicePort&) const = default;
};

struct EndpointSlice {
    ObjectName name;
    std::string service;                   // of the same namespace; "": nobody's
    std::vector<SliceEndpoint> endpoints;  // all of them; resolve/endpoint_choice.h says which are in use
    std::vector<SlicePort> ports;

    bool operator==(const EndpointSlice&) const = default;
};

}  // namespace catflap
