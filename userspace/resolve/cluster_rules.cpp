// SPDX-License-Identifier: Apache-2.0
#include "resolve/cluster_rules.h"

#include <functional>

namespace catflap::resolve {
namespace {

constexpr std::array<Protocol, 3> kProtocols = {Protocol::tcp, Protocol::udp, Protocol::sctp};

Action action_of(RuleAction action) {
    return action == RuleAction::accept ? Action::allow : action == RuleAction::deny ? Action::deny : Action::pass;
}

IpBlock block_of(const Address& address) {
    return {Prefix(address, 128), {}};
}

// By address, as an ipBlock is: pods on the node's network have the node's addresses.
SourceSet addresses_of_nodes(const Selector& selector, const Cluster& cluster) {
    SourceSet set;
    for (const auto& [name, node] : cluster.nodes)
        if (matches(selector, node.labels))
            for (const Address& address : node.addresses)
                set.blocks.push_back(block_of(address));
    sort_unique(set.blocks);
    return set;
}

// One set for each selector, one for all networks together.
std::vector<SourceSet> peer_sets(const std::vector<ClusterPeer>& peers, const Cluster& cluster) {
    std::vector<SourceSet> sets;
    SourceSet networks;
    for (const ClusterPeer& peer : peers) {
        if (const auto* pods = std::get_if<PodSelection>(&peer))
            sets.push_back({PodMatch{{}, pods->namespaces, pods->pods, {}}, {}});
        else if (const auto* nodes = std::get_if<NodeSelection>(&peer))
            sets.push_back(addresses_of_nodes(nodes->nodes, cluster));
        else if (const auto* list = std::get_if<NetworkList>(&peer))
            for (const Prefix& network : list->networks)
                networks.blocks.push_back({network, {}});
    }
    sort_unique(networks.blocks);
    sets.push_back(std::move(networks));
    std::erase_if(sets, [](const SourceSet& set) { return !set.pods && set.blocks.empty(); });
    sort_unique(sets);
    return sets;
}

// Not of the nodes' addresses: a counter does not begin anew with every node that comes.
uint64_t written_hash(const ClusterRule& rule) {
    std::string text = rule.unknown ? "unknown" : "";
    for (const ClusterPeer& peer : rule.peers) {
        text += fmt::format("\n{} ", peer.index());
        if (const auto* pods = std::get_if<PodSelection>(&peer))
            text += catflap::to_string(pods->namespaces) + " " + catflap::to_string(pods->pods);
        else if (const auto* nodes = std::get_if<NodeSelection>(&peer))
            text += catflap::to_string(nodes->nodes);
        else if (const auto* list = std::get_if<NetworkList>(&peer))
            for (const Prefix& network : list->networks)
                text += catflap::to_string(network) + " ";
    }
    for (const ClusterPort& port : rule.ports) {
        if (const auto* name = std::get_if<PortByName>(&port))
            text += "\n" + name->name;
        else if (const auto* numbers = std::get_if<PortInterval>(&port))
            text += fmt::format("\n{} {}-{}", catflap::to_string(numbers->protocol), numbers->first, numbers->last);
    }
    return std::hash<std::string>{}(text);
}

void add_named_port(const std::string& name, Direction direction, const PortNames& names, Rule& rule,
                    std::vector<Rule>& rules) {
    for (const Protocol protocol : kProtocols)
        if (direction == Direction::ingress)
            add_own_port(name, protocol, names.own, rule);
        else
            add_peers_port(name, protocol, names.declared, rule, rules);
}

// A cluster has Nodes, so where there are none they could not be read yet.
bool names_nodes(const ClusterRule& rule) {
    return std::ranges::any_of(rule.peers,
                               [](const ClusterPeer& peer) { return std::holds_alternative<NodeSelection>(peer); });
}

}  // namespace

void append_rules(const ClusterPolicy& policy, Direction direction, const Cluster& cluster, const PortNames& names,
                  std::vector<Rule>& rules) {
    const auto& written = direction == Direction::ingress ? policy.ingress : policy.egress;
    for (uint32_t i = 0; i < written.size(); ++i) {
        const ClusterRule& from = written[i];
        Rule rule;
        rule.policy = policy.name;
        rule.index = i;
        rule.written_hash = written_hash(from);
        rule.action = action_of(from.action);
        if (from.unknown || (names_nodes(from) && cluster.nodes.empty())) {
            // NPEP-187: what cannot be understood must not open anything.
            if (rule.action == Action::allow)
                continue;
            rule.action = Action::deny;
            rule.any_peer = true;
            rule.any_port = true;
            rules.push_back(std::move(rule));
            continue;
        }
        rule.any_port = from.ports.empty();
        rule.peers = peer_sets(from.peers, cluster);
        if (rule.peers.empty())
            continue;
        for (const ClusterPort& port : from.ports) {
            if (const auto* numbers = std::get_if<PortInterval>(&port))
                rule.ports.push_back({numbers->protocol, numbers->first, numbers->last});
            else
                add_named_port(std::get<PortByName>(port).name, direction, names, rule, rules);
        }
        sort_unique(rule.ports);
        if (rule.any_port || !rule.ports.empty())
            rules.push_back(std::move(rule));
    }
}

bool governs(const ClusterPolicy& policy, Direction direction) {
    return !(direction == Direction::ingress ? policy.ingress : policy.egress).empty();
}

bool selects(const ClusterPolicy& policy, const Labels& namespace_labels, const Pod& pod) {
    return is_policed(pod) && matches(policy.subject.namespaces, namespace_labels) &&
           matches(policy.subject.pods, pod.labels);
}

bool names_own_ports(const ClusterPolicy& policy) {
    return std::ranges::any_of(policy.ingress, [](const ClusterRule& rule) {
        return std::ranges::any_of(rule.ports,
                                   [](const ClusterPort& port) { return std::holds_alternative<PortByName>(port); });
    });
}

bool names_nodes(const ClusterPolicy& policy) {
    return std::ranges::any_of(policy.egress, [](const ClusterRule& rule) { return names_nodes(rule); });
}

}  // namespace catflap::resolve
