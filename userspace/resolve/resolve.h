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

// pass: the tier has no say, the next one goes on.
enum class Action : uint8_t { allow, deny, pass };
std::string_view to_string(Action action);  // "Allow"

struct Rule {
    PolicyName policy;
    uint32_t index = 0;         // in the policy's ingress or egress list
    uint64_t written_hash = 0;  // of the rule as written: an edited rule is another one, and counts from 0
    Action action = Action::allow;
    bool any_peer = false;
    std::vector<SourceSet> peers;  // of any_peer: empty. Empty otherwise: matches nobody
    bool any_port = false;         // also protocols without ports
    std::vector<PortRange> ports;

    auto operator<=>(const Rule&) const = default;
};
// Without its action: "pods app=web in namespace shop -> 80/TCP".
std::string to_string(const Rule& rule);

// A run of a DirectionPolicy's policies and rules, up to these indices: from where the tier before it ends.
struct Tier {
    std::string name;  // "default"
    size_t policies_end = 0;
    size_t rules_end = 0;
    Action at_end = Action::deny;  // where no rule of the tier matches: deny, or pass

    auto operator<=>(const Tier&) const = default;
};
inline constexpr const char* kAdminTier = "kube-admin";
inline constexpr const char* kDefaultTier = "default";
inline constexpr const char* kBaselineTier = "kube-baseline";

// One direction of one pod: tiers in order, each with at least one policy that governs the pod in this direction. In a
// tier the first rule, in order, whose peer and port both match decides; else its end does. What no tier decides
// passes. A tier that no packet can reach is left out. Pods whose policies resolve to equal values share one table.
struct DirectionPolicy {
    Direction direction = Direction::ingress;
    std::vector<PolicyName> policies;  // that govern the pod, of all tiers; none: everything passes
    std::vector<Rule> rules;
    std::vector<Tier> tiers;

    [[nodiscard]] size_t first_rule(size_t tier) const { return tier == 0 ? 0 : tiers[tier - 1].rules_end; }
    [[nodiscard]] size_t first_policy(size_t tier) const { return tier == 0 ? 0 : tiers[tier - 1].policies_end; }

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
