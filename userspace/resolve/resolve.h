// SPDX-License-Identifier: Apache-2.0
// Policies x cluster -> what each local pod allows, in the terms that the compiler needs: source sets, port ranges
// and ordered rules. Pure.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/cluster.h"

namespace catflap::resolve {

// Of the Kubernetes model: ingress is what a pod receives.
enum class Direction : uint8_t { egress = 0, ingress = 1 };  // the values of enum catflap_direction
constexpr std::array<Direction, 2> kDirections = {Direction::egress, Direction::ingress};
std::string_view to_string(Direction direction);  // "Egress", "Ingress"

// Pods by selector. Finished pods, pods on the node's network and pods without an address match nothing.
struct PodMatch {
    std::optional<std::string> ns;  // in this namespace; nothing: by the namespaces' labels
    Selector namespaces;            // used without ns
    Selector pods;
    std::optional<NamedPort> declares;  // only pods that declare this port

    auto operator<=>(const PodMatch&) const = default;
};

// The addresses that one peer of a rule stands for. `pods` and `blocks` both: the pods' addresses inside the blocks.
// All ipBlocks of a rule are one set, else a list of 100,000 CIDRs would be as many classes.
struct SourceSet {
    std::optional<PodMatch> pods;
    std::vector<IpBlock> blocks;  // sorted, unique; an except that lies in another except of its block is left out

    auto operator<=>(const SourceSet&) const = default;
};
// "pods app=web in namespace shop", "pods in namespaces name=kube-system", "10.0.0.0/8 except 10.1.0.0/16".
std::string to_string(const SourceSet& set);

struct PortRange {
    Protocol protocol = Protocol::tcp;
    uint16_t first = 0;
    uint16_t last = 0;

    auto operator<=>(const PortRange&) const = default;
};
std::string to_string(const PortRange& range);  // "80/TCP", "8000-8080/TCP", "any/UDP"

enum class Action : uint8_t { allow, deny };

// The first rule, in order, whose peer and port both match decides. Kubernetes has allow rules only.
struct Rule {
    ObjectName policy;
    uint32_t index = 0;         // in the policy's ingress or egress list
    uint64_t written_hash = 0;  // of the rule as written: an edited rule is another one, and counts from 0
    Action action = Action::allow;
    bool any_peer = false;
    std::vector<SourceSet> peers;  // of any_peer: empty. Empty otherwise: matches nobody
    bool any_port = false;         // also protocols without ports
    std::vector<PortRange> ports;

    auto operator<=>(const Rule&) const = default;
};
// "pods app=web in namespace shop -> 80/TCP".
std::string to_string(const Rule& rule);

// One direction of one pod. Pods whose policies resolve to equal values share one table.
struct DirectionPolicy {
    Direction direction = Direction::ingress;
    std::vector<ObjectName> policies;  // that isolate the pod; none: everything passes
    std::vector<Rule> rules;           // nothing matches: dropped, if there are policies

    auto operator<=>(const DirectionPolicy&) const = default;
};

// Shared by the pods that have it and by the table that is made of it: as long as nothing changes, the same pointer.
using PolicyPointer = std::shared_ptr<const DirectionPolicy>;

struct Resolved {
    std::vector<PolicyPointer> policies;                    // unique
    std::map<ObjectName, std::array<size_t, 2>> endpoints;  // pod -> index into policies, by Direction
};

// pods: the local ones, each must be in the cluster. For one that changes see resolver.h.
Resolved resolve(const Cluster& cluster, const std::vector<ObjectName>& pods);

}  // namespace catflap::resolve
