// SPDX-License-Identifier: Apache-2.0
// networking.k8s.io/v1 NetworkPolicy as a plain value, with the API server's defaults filled in.
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/address.h"
#include "model/selector.h"

namespace catflap {

// "namespace/name".
struct ObjectName {
    std::string ns;
    std::string name;

    auto operator<=>(const ObjectName&) const = default;
};
inline std::string to_string(const ObjectName& object) {
    return object.ns + "/" + object.name;
}

// The kinds of objects that hold rules.
enum class PolicyKind : uint8_t {
    network_policy,                 // networking.k8s.io/v1
    cluster_network_policy,         // policy.networking.k8s.io/v1alpha2
    admin_network_policy,           // policy.networking.k8s.io/v1alpha1
    baseline_admin_network_policy,  // policy.networking.k8s.io/v1alpha1
};
std::string_view to_string(PolicyKind kind);  // "NetworkPolicy"

// An object that holds rules, of any kind. Cluster-scoped kinds have no namespace.
struct PolicyName {
    PolicyKind kind = PolicyKind::network_policy;
    std::string ns;
    std::string name;

    PolicyName() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): of a NetworkPolicy, which most are
    PolicyName(const ObjectName& network_policy) : ns(network_policy.ns), name(network_policy.name) {}
    PolicyName(std::string of_ns, std::string of_name) : ns(std::move(of_ns)), name(std::move(of_name)) {}
    PolicyName(PolicyKind of_kind, std::string of_name) : kind(of_kind), name(std::move(of_name)) {}

    auto operator<=>(const PolicyName&) const = default;
};
// "shop/web" of a NetworkPolicy, else "ClusterNetworkPolicy deny-ops".
std::string to_string(const PolicyName& policy);

// The protocols that NetworkPolicy knows; the value is the IP protocol number.
enum class Protocol : uint8_t { tcp = 6, udp = 17, sctp = 132 };
std::string_view to_string(Protocol protocol);  // "TCP"

struct IpBlock {
    Prefix cidr;
    std::vector<Prefix> except;  // inside cidr and smaller; sorted, unique

    auto operator<=>(const IpBlock&) const = default;
};

// Either ip_block, or at least one of the selectors.
// pods only: in the policy's own namespace. namespaces only: every pod there. Both: those pods in those namespaces.
struct PolicyPeer {
    std::optional<Selector> pods;
    std::optional<Selector> namespaces;
    std::optional<IpBlock> ip_block;

    auto operator<=>(const PolicyPeer&) const = default;
};

struct PolicyPort {
    Protocol protocol = Protocol::tcp;
    // Nothing: every port of the protocol. A string: the port of this name on the destination pod.
    std::variant<std::monostate, uint16_t, std::string> port;
    std::optional<uint16_t> end_port;  // with a numeric port only: port..end_port, both included

    auto operator<=>(const PolicyPort&) const = default;
};

// Empty peers: everyone. Empty ports: every port of every protocol.
struct PolicyRule {
    std::vector<PolicyPeer> peers;
    std::vector<PolicyPort> ports;

    auto operator<=>(const PolicyRule&) const = default;
};

struct Policy {
    ObjectName name;
    Selector pods;  // of the policy's namespace
    bool isolates_ingress = false;
    bool isolates_egress = false;
    std::vector<PolicyRule> ingress;
    std::vector<PolicyRule> egress;
    // It stands for a policy that was refused and has no earlier version: it isolates, and has no rules.
    bool stands_in = false;
    std::string created{};  // metadata.creationTimestamp, RFC 3339 in UTC; "": not known

    auto operator<=>(const Policy&) const = default;
};

}  // namespace catflap
