// SPDX-License-Identifier: Apache-2.0
// The policies of SIG Network that hold for a whole cluster, as plain values: ClusterNetworkPolicy
// (policy.networking.k8s.io/v1alpha2), AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1).
// https://network-policy-api.sigs.k8s.io/reference/spec/
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/policy.h"

namespace catflap {

enum class ClusterTier : uint8_t { admin, baseline };
std::string_view to_string(ClusterTier tier);  // "Admin"

// accept is Allow in v1alpha1. pass: the rest of the tier is skipped.
enum class RuleAction : uint8_t { accept, deny, pass };
std::string_view to_string(RuleAction action);  // "Accept"

// Pods by both selectors, as a subject or as a peer; never pods on their node's network.
struct PodSelection {
    Selector namespaces;
    Selector pods;

    auto operator<=>(const PodSelection&) const = default;
};

// Nodes by their labels; the addresses of their Node objects are meant.
struct NodeSelection {
    Selector nodes;

    auto operator<=>(const NodeSelection&) const = default;
};

// By address, whoever has it.
struct NetworkList {
    std::vector<Prefix> networks;

    auto operator<=>(const NetworkList&) const = default;
};

// Nobody here asks a DNS server: no address matches.
struct DomainNames {
    std::vector<std::string> names;

    auto operator<=>(const DomainNames&) const = default;
};

using ClusterPeer = std::variant<PodSelection, NodeSelection, NetworkList, DomainNames>;

// first to last, both included; 1 to 65535.
struct PortInterval {
    Protocol protocol = Protocol::tcp;
    uint16_t first = 0;
    uint16_t last = 0;

    auto operator<=>(const PortInterval&) const = default;
};

// The port of this name on the destination pod, with the protocol that the pod declares.
struct PortByName {
    std::string name;

    auto operator<=>(const PortByName&) const = default;
};

using ClusterPort = std::variant<PortInterval, PortByName>;

struct ClusterRule {
    std::string name;  // "": it has none
    RuleAction action = RuleAction::accept;
    std::vector<ClusterPeer> peers;
    std::vector<ClusterPort> ports;  // empty: every port of every protocol
    // One of its peers or ports is of a kind that nobody knows; it has neither then, and fails closed: accept matches
    // nothing; deny and pass deny everything in their direction (NPEP-187).
    bool unknown = false;

    auto operator<=>(const ClusterRule&) const = default;
};

struct ClusterPolicy {
    PolicyName name;
    ClusterTier tier = ClusterTier::admin;
    std::optional<uint32_t> priority;  // small ones first; nothing (BaselineAdminNetworkPolicy): behind all others
    PodSelection subject;
    // A direction without rules is not touched.
    std::vector<ClusterRule> ingress;
    std::vector<ClusterRule> egress;
    std::string created{};  // metadata.creationTimestamp, RFC 3339 in UTC; "": not known

    auto operator<=>(const ClusterPolicy&) const = default;
};

}  // namespace catflap
