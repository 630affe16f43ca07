// SPDX-License-Identifier: Apache-2.0
// Random policies of the cluster: few priorities, so that some are equal, all actions, unknown peers, empty directions.
#include <algorithm>
#include <array>

#include "support/random/generator.h"

namespace catflap::test {
namespace {

constexpr std::array<uint32_t, 5> kPriorities = {0, 1, 1, 5, 1000};
constexpr std::array<const char*, 3> kPortNames = {"http", "dns", "admin"};
constexpr std::array<uint16_t, 9> kPorts = {1, 79, 80, 81, 83, 443, 8080, 65533, 65534};
constexpr std::array<Protocol, 4> kProtocols = {Protocol::tcp, Protocol::tcp, Protocol::udp, Protocol::sctp};

RuleAction random_action(Random& random, bool passes) {
    const size_t kind = random.below(passes ? 10 : 7);
    return kind < 4 ? RuleAction::accept : kind < 7 ? RuleAction::deny : RuleAction::pass;
}

NetworkList random_networks(Random& random) {
    NetworkList list;
    for (size_t count = random.between(1, 3); count > 0; --count)
        list.networks.push_back(random_block(random).cidr);
    std::ranges::sort(list.networks);
    const auto [first, last] = std::ranges::unique(list.networks);
    list.networks.erase(first, last);
    return list;
}

ClusterPeer random_peer(Random& random, bool by_address, bool accepts, bool has_domains) {
    const size_t kind = random.below(by_address ? 10 : 4);
    if (kind < 2)
        return PodSelection{random_namespace_selector(random), {}};
    if (kind < 4)
        return PodSelection{random_namespace_selector(random), random_selector(random)};
    if (kind < 7)
        return random_networks(random);
    if (kind == 9 && accepts && has_domains)
        return DomainNames{{"a.example"}};
    return NodeSelection{random.chance(40) ? Selector{} : random_selector(random)};
}

ClusterPort random_port(Random& random, bool by_name) {
    if (by_name && random.chance(40))
        return PortByName{random.pick(kPortNames)};
    const Protocol protocol = random.pick(kProtocols);
    const uint16_t first = random.pick(kPorts);
    if (random.chance(50))
        return PortInterval{protocol, first, first};
    const size_t last = std::min<size_t>(65535, first + random.pick(std::array<size_t, 4>{1, 2, 100, 65535}));
    return PortInterval{protocol, first, static_cast<uint16_t>(last)};
}

std::vector<ClusterRule> random_rules(Random& random, PolicyKind kind, bool egress) {
    const bool is_baseline = kind == PolicyKind::baseline_admin_network_policy;
    std::vector<ClusterRule> rules(random.below(4));
    for (ClusterRule& rule : rules) {
        rule.action = random_action(random, !is_baseline);
        rule.unknown = random.chance(6);
        if (rule.unknown)
            continue;
        const bool by_name = random.chance(30);
        for (size_t count = random.between(1, 3); count > 0; --count)
            rule.peers.push_back(
                random_peer(random, egress && !by_name, rule.action == RuleAction::accept, !is_baseline));
        for (size_t count = random.chance(35) ? 0 : random.between(1, 3); count > 0; --count)
            rule.ports.push_back(random_port(random, by_name));
    }
    return rules;
}

}  // namespace

PolicyName random_cluster_policy_name(Random& random) {
    const size_t kind = random.below(10);
    if (kind == 0)
        return {PolicyKind::baseline_admin_network_policy, "default"};
    return {kind < 3 ? PolicyKind::admin_network_policy : PolicyKind::cluster_network_policy,
            fmt::format("c{}", random.below(4))};
}

ClusterPolicy random_cluster_policy(Random& random, const PolicyName& name) {
    ClusterPolicy policy;
    policy.name = name;
    if (name.kind == PolicyKind::baseline_admin_network_policy ||
        (name.kind == PolicyKind::cluster_network_policy && random.chance(40)))
        policy.tier = ClusterTier::baseline;
    if (name.kind != PolicyKind::baseline_admin_network_policy)
        policy.priority = random.pick(kPriorities);
    if (random.chance(50))
        policy.subject.namespaces = random_namespace_selector(random);
    if (random.chance(50))
        policy.subject.pods = random_selector(random);
    policy.ingress = random_rules(random, name.kind, false);
    policy.egress = random_rules(random, name.kind, true);
    return policy;
}

Node random_node(Random& random, const std::string& name) {
    Node node{name, {}};
    if (name == "n1")
        node.addresses = {parse_address("192.168.0.1").value(), parse_address("fd00:ffff::1").value()};
    else if (random.chance(80))
        node.addresses = {random_address(random, random.chance(50) ? Family::ipv4 : Family::ipv6)};
    node.labels = random_labels(random);
    return node;
}

void change_cluster_policy(Random& random, Cluster& cluster) {
    const PolicyName name = cluster.cluster_policies.empty() || random.chance(30)
                                ? random_cluster_policy_name(random)
                                : random.pick(cluster.cluster_policies).first;
    const ClusterPolicy other = random_cluster_policy(random, name);
    const auto [entry, is_new] = cluster.cluster_policies.try_emplace(name, other);
    switch (is_new ? 9 : random.below(6)) {
        case 0:
            cluster.cluster_policies.erase(name);
            break;
        case 1:
            entry->second.subject = other.subject;
            break;
        case 2:
            entry->second.ingress = other.ingress;
            break;
        case 3:
            entry->second.egress = other.egress;
            break;
        case 4:
            entry->second.priority = other.priority;
            break;
        default:
            entry->second = other;
    }
}

void change_node(Random& random, Cluster& cluster) {
    const std::string name = random.pick(std::array<const char*, 3>{"n1", "n2", "n3"});
    if (random.chance(20))
        cluster.nodes.erase(name);
    else
        cluster.nodes[name] = random_node(random, name);
}

}  // namespace catflap::test
