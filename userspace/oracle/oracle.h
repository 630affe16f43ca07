// SPDX-License-Identifier: Apache-2.0
// What the Kubernetes documentation says about a new connection: slow, obvious, and written from
// these pages only.
//   concept: https://kubernetes.io/docs/concepts/services-networking/network-policies/
//   API: https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
// For the policies of the cluster see cluster_policies.h.
// It is a witness: it shares no code with resolve/ and compile/, not even the matching of selectors
// and prefixes.
//
// Not its business: replies and related ICMP errors (they belong to a connection that was judged
// when it was opened), and the node's own traffic to its pods, which always passes: a packet that
// the node itself made is told by where it comes from, not by any address (traffic that merely
// carries a node's address is judged here like any other).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/cluster.h"

namespace catflap::oracle {

enum class Direction : uint8_t { ingress, egress };

// One pod, one direction, and the other side's address.
struct Hop {
    ObjectName pod;
    Direction direction = Direction::ingress;
    Address remote;
    uint8_t protocol = 6;           // IP protocol number; ICMP is 1, ICMPv6 58
    uint16_t destination_port = 0;  // 0 where the protocol has none

    auto operator<=>(const Hop&) const = default;
};

// The first packet of a connection, as the pods see it: a Service's address is already its
// backend's.
struct Packet {
    Address source;
    Address destination;
    uint8_t protocol = 6;
    uint16_t destination_port = 0;
};

// A rule that admits the packet: the policy's ingress[index] or egress[index].
struct Admission {
    PolicyName policy;
    Direction direction = Direction::ingress;
    size_t index = 0;

    bool operator==(const Admission&) const = default;
};

struct Decision {
    bool allowed = true;
    std::string why;                      // a sentence for people
    std::vector<PolicyName> isolated_by;  // the NetworkPolicies that isolate the pod in this direction
    std::vector<Admission> admitted_by;   // every rule that admits, not only the first
    std::optional<Admission> decided_by;  // the rule of a policy of the cluster that accepts or denies
};

// A pod that the cluster does not hold is unknown, and what is unknown is dropped.
Decision judge(const Cluster& cluster, const Hop& hop);

// The sender's egress and the receiver's ingress, for each pod that has the address. While two pods
// claim one address nobody can tell which of them is meant, so both must allow.
Decision judge_connection(const Cluster& cluster, const Packet& packet);

}  // namespace catflap::oracle
