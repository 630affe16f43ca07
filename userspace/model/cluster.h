// SPDX-License-Identifier: Apache-2.0
// The part of a Kubernetes cluster that policies speak of.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/cluster_policy.h"
#include "model/policy.h"
#include "model/service.h"

namespace catflap {

struct NamedPort {
    std::string name;
    Protocol protocol = Protocol::tcp;
    uint16_t number = 0;

    auto operator<=>(const NamedPort&) const = default;
};

// The node leads what is sent there to the pod (the CNI plugin portmap).
struct HostPort {
    Protocol protocol = Protocol::tcp;
    uint16_t port = 0;
    uint16_t container_port = 0;
    std::optional<Address> address;  // of the node; nothing: all of its addresses

    auto operator<=>(const HostPort&) const = default;
};

struct Pod {
    ObjectName name;
    std::string uid;   // "" where the source has none
    std::string node;  // "": not scheduled yet
    Labels labels;
    std::string service_account = "default";
    bool host_network = false;
    bool finished = false;           // phase Succeeded or Failed
    std::vector<Address> addresses;  // status.podIPs, or podIP
    std::vector<NamedPort> ports;    // of all containers and of restartable init containers (sidecars), by declaration
    std::vector<HostPort> host_ports{};  // of the same containers

    bool operator==(const Pod&) const = default;
};

// A pod that policies see: not on the node's own network, not finished.
inline bool is_policed(const Pod& pod) {
    return !pod.host_network && !pod.finished;
}

struct Namespace {
    std::string name;
    Labels labels;

    bool operator==(const Namespace&) const = default;
};

struct Node {
    std::string name;
    std::vector<Address> addresses;
    std::string zone{};  // the label topology.kubernetes.io/zone
    // A kubelet that runs pods elsewhere (virtual-kubelet, Fargate): no veth, and no agent.
    bool is_virtual = false;
    Labels labels{};

    bool operator==(const Node&) const = default;
};

struct Cluster {
    std::map<std::string, Namespace> namespaces;
    std::map<std::string, Node> nodes;
    std::map<ObjectName, Pod> pods;
    std::map<ObjectName, Policy> policies;
    std::map<PolicyName, ClusterPolicy> cluster_policies;
    std::map<ObjectName, Service> services;
    std::map<ObjectName, EndpointSlice> slices;

    bool operator==(const Cluster&) const = default;
};

// The namespace's labels with kubernetes.io/metadata.name, which the API server sets on each; a namespace that the
// source does not hold has only this one.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#automatic-labelling
Labels namespace_labels(const Cluster& cluster, const std::string& ns);

// The first 11 hex digits of sha1("namespace.name"), by which several CNI plug-ins name the host's side of a pod's
// veth.
std::string interface_digits(const ObjectName& pod);
// Calico's: "cali" in front of them.
std::string calico_interface_name(const ObjectName& pod);

}  // namespace catflap
