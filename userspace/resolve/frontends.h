// SPDX-License-Identifier: Apache-2.0
// What a pod may send to and the node then translates: Service addresses, and the node's own with node ports and host
// ports. At from_pod the packet still carries the frontend; an egress policy speaks of the backends.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "model/cluster.h"
#include "resolve/endpoint_choice.h"

namespace catflap::resolve {

struct FrontendPort {
    Protocol protocol = Protocol::tcp;
    uint16_t port = 0;
    std::vector<Backend> backends;  // every one that may be chosen; sorted, unique, of the frontend's family

    auto operator<=>(const FrontendPort&) const = default;
};

// One family's addresses with one answer. No address is in two: a node's address that is also a Service's external one
// has the ports of both.
struct Frontend {
    std::string name;  // "shop/web IPv4", "shop/web from outside IPv4", "node ports IPv6", "node ports, shop/web from
                       // outside IPv4"
    std::vector<Address> addresses;
    std::vector<FrontendPort> ports;

    auto operator<=>(const Frontend&) const = default;
};

struct ThisNode {
    std::string name;
    std::vector<Address> addresses;  // what the kernel takes for its own; those of the Node object count in any case
    std::vector<ObjectName> pods;    // those that hang on it
};

// Of the Services of the cluster, as the node's kube-proxy translates them (resolve/endpoint_choice.h), and of the host
// ports of its pods. Session affinity only chooses among the backends listed. A host port of a pod whose address is not
// known yet has no backend: it is closed.
std::vector<Frontend> frontends_of(const Cluster& cluster, const ThisNode& node);

}  // namespace catflap::resolve
