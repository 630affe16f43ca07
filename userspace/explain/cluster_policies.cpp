// SPDX-License-Identifier: Apache-2.0
#include "explain/cluster_policies.h"

#include <fmt/format.h>

#include <algorithm>

#include "explain/peers.h"
#include "resolve/order.h"

namespace catflap::explain {
namespace {

using report::EndVerdict;
using report::Ground;

bool selects(const Cluster& cluster, const PodSelection& selection, const Pod& pod) {
    return is_policed(pod) && matches(selection.namespaces, namespace_labels(cluster, pod.name.ns)) &&
           matches(selection.pods, pod.labels);
}

bool is_node(const Cluster& cluster, const Selector& selector, const Address& address) {
    return std::ranges::any_of(cluster.nodes, [&](const auto& entry) {
        return matches(selector, entry.second.labels) && std::ranges::count(entry.second.addresses, address) > 0;
    });
}

bool peer_matches(const Cluster& cluster, const ClusterPeer& peer, const Hop& hop, const Pod* remote) {
    if (const auto* pods = std::get_if<PodSelection>(&peer))
        return remote != nullptr && selects(cluster, *pods, *remote);
    if (const auto* list = std::get_if<NetworkList>(&peer))
        return std::ranges::any_of(list->networks, [&](const Prefix& one) { return one.contains(hop.remote); });
    const auto* nodes = std::get_if<NodeSelection>(&peer);
    return nodes != nullptr && is_node(cluster, nodes->nodes, hop.remote);
}

bool port_matches(const ClusterPort& port, const Hop& hop, const Pod* destination) {
    if (const auto* numbers = std::get_if<PortInterval>(&port))
        return hop.protocol == static_cast<uint8_t>(numbers->protocol) && numbers->first <= hop.port &&
               hop.port <= numbers->last;
    return destination != nullptr && std::ranges::any_of(destination->ports, [&](const NamedPort& declared) {
               return declared.name == std::get<PortByName>(port).name && declared.number == hop.port &&
                      static_cast<uint8_t>(declared.protocol) == hop.protocol;
           });
}

bool rule_matches(const Cluster& cluster, const ClusterRule& rule, const Hop& hop) {
    std::vector<const Pod*> remotes = hop.remotes;
    remotes.push_back(nullptr);
    return std::ranges::any_of(remotes, [&](const Pod* remote) {
        const Pod* destination = hop.direction == Direction::ingress ? &hop.local : remote;
        const bool of_port = rule.ports.empty() || std::ranges::any_of(rule.ports, [&](const ClusterPort& port) {
                                 return port_matches(port, hop, destination);
                             });
        return of_port && std::ranges::any_of(rule.peers, [&](const ClusterPeer& peer) {
                   return peer_matches(cluster, peer, hop, remote);
               });
    });
}

// A cluster has Nodes, so where there are none they are not known.
bool is_unknown(const Cluster& cluster, const ClusterRule& rule) {
    return rule.unknown || (cluster.nodes.empty() && std::ranges::any_of(rule.peers, [](const ClusterPeer& peer) {
                                return std::holds_alternative<NodeSelection>(peer);
                            }));
}

// The first rule that matches; nothing: none.
std::optional<size_t> first_match(const Cluster& cluster, const std::vector<ClusterRule>& rules, const Hop& hop) {
    for (size_t i = 0; i < rules.size(); ++i)
        if (is_unknown(cluster, rules[i]) ? rules[i].action != RuleAction::accept
                                          : rule_matches(cluster, rules[i], hop))
            return i;
    return std::nullopt;
}

std::string place_of(const ClusterPolicy& policy, size_t rank) {
    return fmt::format("{} {} ({}, {})", to_string(policy.tier), rank, to_string(policy.name),
                       policy.priority ? fmt::format("priority {}", *policy.priority) : "no priority");
}

const char* what_it_does(const ClusterRule& rule, bool unknown) {
    if (unknown)
        return "names a peer or port that is not known here, and denies everything";
    return rule.action == RuleAction::accept ? "accepts it"
           : rule.action == RuleAction::deny ? "denies it"
                                             : "passes it on: the rest of the tier is skipped";
}

void decide(const ClusterPolicy& policy, const ClusterRule& rule, size_t index, EndVerdict& verdict) {
    verdict.allowed = rule.action == RuleAction::accept;
    verdict.ground = verdict.allowed ? Ground::accepted : Ground::denied;
    verdict.decided_by = {to_string(policy.name), verdict.direction, index};
    verdict.sentence = fmt::format("{} by {} {}[{}] of tier {}", verdict.allowed ? "accepted" : "denied",
                                   to_string(policy.name), verdict.direction, index, to_string(policy.tier));
}

}  // namespace

bool ask_tier(const Cluster& cluster, ClusterTier tier, const Hop& hop, EndVerdict& verdict) {
    size_t rank = 0;
    for (const PolicyName& name : resolve::in_order(cluster, tier)) {
        const ClusterPolicy& policy = cluster.cluster_policies.at(name);
        const auto& rules = hop.direction == Direction::ingress ? policy.ingress : policy.egress;
        ++rank;
        if (rules.empty() || !selects(cluster, policy.subject, hop.local))
            continue;
        const auto index = first_match(cluster, rules, hop);
        verdict.in_order.push_back(
            fmt::format("{}: {}", place_of(policy, rank),
                        index ? fmt::format("{}[{}] {}", verdict.direction, *index,
                                            what_it_does(rules[*index], is_unknown(cluster, rules[*index])))
                              : "no rule matches"));
        if (!index)
            continue;
        const ClusterRule& rule = rules[*index];
        const bool unknown = is_unknown(cluster, rule);
        if (rule.action == RuleAction::pass && !unknown)
            return false;
        decide(policy, rule, *index, verdict);
        return true;
    }
    return false;
}

}  // namespace catflap::explain
