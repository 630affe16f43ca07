// SPDX-License-Identifier: Apache-2.0
#include "support/random/generator.h"

#include <algorithm>
#include <array>

#include "support/executors/executor.h"

namespace catflap::test {
namespace {

using oracle::Direction;
using oracle::Hop;

constexpr std::array<const char*, 3> kNamespaces = {"n0", "n1", "n2"};
constexpr std::array<const char*, 3> kPortNames = {"http", "dns", "admin"};
constexpr std::array<uint16_t, 5> kNumbers = {80, 81, 443, 8080, 65535};
constexpr std::array<Protocol, 4> kProtocols = {Protocol::tcp, Protocol::tcp, Protocol::udp, Protocol::sctp};

bool is_taken(const Cluster& cluster, const Address& address) {
    return std::ranges::any_of(cluster.pods, [&](const auto& entry) {
        return std::ranges::find(entry.second.addresses, address) != entry.second.addresses.end();
    });
}

// Now and then two pods have the same address: an old one that has not gone yet, and its successor.
Address pod_address(Random& random, Family family, const Cluster& used) {
    Address address = random_address(random, family);
    for (int tries = 0; tries < 8 && is_taken(used, address) && !random.chance(3); ++tries)
        address = random_address(random, family);
    return address;
}

void set_addresses(Random& random, Pod& pod, const Cluster& used) {
    pod.addresses.clear();
    if (pod.host_network) {
        pod.addresses = {parse_address("192.168.0.1").value(), parse_address("fd00:ffff::1").value()};
        return;
    }
    const size_t kind = random.below(10);
    if (kind < 8 && kind != 1)
        pod.addresses.push_back(pod_address(random, Family::ipv4, used));
    if (kind < 6)
        pod.addresses.push_back(pod_address(random, Family::ipv6, used));
}

std::vector<NamedPort> random_ports(Random& random) {
    std::vector<NamedPort> ports;
    for (size_t count = random.below(4); count > 0; --count)
        ports.push_back({random.pick(kPortNames), random.pick(kProtocols), random.pick(kNumbers)});
    return ports;
}

ObjectName random_name(Random& random, const char* kind, size_t bound) {
    return {random.pick(kNamespaces), fmt::format("{}{}", kind, random.below(bound))};
}

void change_pod(Random& random, Cluster& cluster) {
    if (cluster.pods.empty())
        return;
    Pod& pod = cluster.pods.at(random.pick(cluster.pods).first);
    switch (random.below(5)) {
        case 0:
            pod.finished = !pod.finished;
            break;
        case 1:
            set_addresses(random, pod, cluster);
            break;
        case 2:
            pod.ports = random_ports(random);
            break;
        default:
            pod.labels = random_labels(random);
    }
}

void change_namespace(Random& random, Cluster& cluster) {
    const std::string name = random.pick(kNamespaces);
    const bool goes = random.chance(20);
    if (!goes)
        cluster.namespaces[name] = {name, random_namespace_labels(random)};
    else
        cluster.namespaces.erase(name);
    if (goes && random.chance(50)) {
        std::erase_if(cluster.pods, [&](const auto& entry) { return entry.first.ns == name; });
        std::erase_if(cluster.policies, [&](const auto& entry) { return entry.first.ns == name; });
    }
}

void change_policy(Random& random, Cluster& cluster) {
    if (cluster.policies.empty() || random.chance(20)) {
        const ObjectName name = random_name(random, "p", 4);
        cluster.policies[name] = random_policy(random, name);
        return;
    }
    const ObjectName name = random.pick(cluster.policies).first;
    Policy& policy = cluster.policies[name];
    const Policy other = random_policy(random, name);
    switch (random.below(5)) {
        case 0:
            cluster.policies.erase(name);
            break;
        case 1:
            policy.pods = other.pods;
            break;
        case 2:
            policy.ingress = other.ingress;
            break;
        case 3:
            policy.egress = other.egress;
            break;
        default:
            policy = other;
    }
}

// ---- Packets ----

std::vector<const ClusterRule*> cluster_rules_of(const Cluster& cluster) {
    std::vector<const ClusterRule*> rules;
    for (const auto& [name, policy] : cluster.cluster_policies)
        for (const auto* of_direction : {&policy.ingress, &policy.egress})
            for (const ClusterRule& rule : *of_direction)
                rules.push_back(&rule);
    return rules;
}

std::vector<const PolicyRule*> rules_of(const Cluster& cluster) {
    std::vector<const PolicyRule*> rules;
    for (const auto& [name, policy] : cluster.policies) {
        for (const PolicyRule& rule : policy.ingress)
            rules.push_back(&rule);
        for (const PolicyRule& rule : policy.egress)
            rules.push_back(&rule);
    }
    return rules;
}

std::vector<Prefix> prefixes_of(const Cluster& cluster) {
    std::vector<Prefix> prefixes;
    for (const PolicyRule* rule : rules_of(cluster))
        for (const PolicyPeer& peer : rule->peers)
            if (peer.ip_block) {
                prefixes.push_back(peer.ip_block->cidr);
                prefixes.insert(prefixes.end(), peer.ip_block->except.begin(), peer.ip_block->except.end());
            }
    for (const ClusterRule* rule : cluster_rules_of(cluster))
        for (const ClusterPeer& peer : rule->peers)
            if (const auto* list = std::get_if<NetworkList>(&peer))
                prefixes.insert(prefixes.end(), list->networks.begin(), list->networks.end());
    for (const auto& [name, node] : cluster.nodes)
        for (const Address& address : node.addresses)
            prefixes.emplace_back(address, 128);
    return prefixes;
}

// Every number that a policy or a pod names.
std::vector<uint16_t> ports_of(const Cluster& cluster) {
    std::vector<uint16_t> ports = {0, 1, 65535};
    for (const PolicyRule* rule : rules_of(cluster))
        for (const PolicyPort& port : rule->ports) {
            if (const auto* number = std::get_if<uint16_t>(&port.port))
                ports.push_back(*number);
            ports.push_back(port.end_port.value_or(80));
        }
    for (const ClusterRule* rule : cluster_rules_of(cluster))
        for (const ClusterPort& port : rule->ports)
            if (const auto* numbers = std::get_if<PortInterval>(&port))
                ports.insert(ports.end(), {numbers->first, numbers->last});
    for (const auto& [name, pod] : cluster.pods)
        for (const NamedPort& port : pod.ports)
            ports.insert(ports.end(), {port.number, port.number});
    return ports;
}

Address random_remote(Random& random, const Cluster& cluster, Family family) {
    const size_t kind = random.below(10);
    const std::vector<Prefix> prefixes = prefixes_of(cluster);
    if (kind < 5 && !cluster.pods.empty()) {
        for (const Address& address : random.pick(cluster.pods).second.addresses)
            if (address.family() == family)
                return address;
    } else if (kind < 9 && !prefixes.empty()) {
        const Prefix prefix = random.pick(prefixes);
        const Address edge = random.chance(50) ? prefix.address() : last_address(prefix);
        const std::array<Address, 4> near = {edge, edge, next_address(edge), previous_address(edge)};
        const Address address = random.pick(near);
        if (address.family() == family && !address.is_unset())  // "::" is nobody's address
            return address;
    }
    return random_address(random, family);
}

void set_service(Random& random, const Cluster& cluster, Hop& hop) {
    constexpr std::array<uint8_t, 3> others = {89, 136, 33};
    const size_t kind = random.below(20);
    if (kind < 2) {
        hop.protocol = hop.remote.is_ipv4() ? 1 : 58;
    } else if (kind == 2) {
        hop.protocol = random.pick(others);
    } else {
        hop.protocol = static_cast<uint8_t>(random.pick(kProtocols));
        const auto shift = random.chance(70) ? 1 : random.below(3);  // 1: the port itself
        hop.destination_port = static_cast<uint16_t>(random.pick(ports_of(cluster)) + shift - 1);
    }
}

const Pod* random_subject(Random& random, const Cluster& cluster) {
    const Pod* chosen = &random.pick(cluster.pods).second;
    for (int tries = 0; tries < 8; ++tries) {
        if (chosen->node == kLocalNode && !chosen->host_network && !chosen->finished && !chosen->addresses.empty())
            break;
        chosen = &random.pick(cluster.pods).second;
    }
    return chosen;
}

}  // namespace

Pod random_pod(Random& random, const ObjectName& name, const Cluster& used) {
    Pod pod;
    pod.name = name;
    pod.node = random.chance(75) ? kLocalNode : "n2";
    pod.labels = random_labels(random);
    pod.host_network = random.chance(8);
    pod.finished = random.chance(8);
    pod.ports = random_ports(random);
    set_addresses(random, pod, used);
    return pod;
}

Cluster Generator::cluster() {
    Cluster cluster;
    for (const char* name : kNamespaces)
        if (random_.chance(85))
            cluster.namespaces[name] = {name, random_namespace_labels(random_)};
    for (size_t count = random_.between(2, 10); count > 0; --count) {
        const ObjectName name = random_name(random_, "pod", 8);
        cluster.pods[name] = random_pod(random_, name, cluster);
    }
    for (size_t count = random_.between(1, 6); count > 0; --count) {
        const ObjectName name = random_name(random_, "p", 4);
        cluster.policies[name] = random_policy(random_, name);
    }
    if (random_.chance(50))
        return cluster;
    for (const char* name : {"n1", "n2"})
        cluster.nodes[name] = random_node(random_, name);
    for (size_t count = random_.between(1, 5); count > 0; --count) {
        const PolicyName name = random_cluster_policy_name(random_);
        cluster.cluster_policies[name] = random_cluster_policy(random_, name);
    }
    // Else few packets would get past NetworkPolicies to Baseline.
    if (random_.chance(40))
        cluster.policies.clear();
    return cluster;
}

void Generator::mutate(Cluster& cluster) {
    const size_t kind = random_.below(10);
    if (kind < 3) {
        change_pod(random_, cluster);
    } else if (kind < 4) {
        change_namespace(random_, cluster);
    } else if (kind < 5 && cluster.pods.size() > 1) {
        cluster.pods.erase(cluster.pods.find(random_.pick(cluster.pods).first));
    } else if (kind < 6) {
        const ObjectName name = random_name(random_, "pod", 8);
        cluster.pods[name] = random_pod(random_, name, cluster);
    } else if (!cluster.cluster_policies.empty() && random_.chance(60)) {
        random_.chance(20) ? change_node(random_, cluster) : change_cluster_policy(random_, cluster);
    } else if (kind == 9 && random_.chance(20)) {
        change_cluster_policy(random_, cluster);
    } else {
        change_policy(random_, cluster);
    }
}

Hop Generator::probe(const Cluster& cluster) {
    if (cluster.pods.empty())  // a namespace went with all there was
        return {{"n0", "gone"}, Direction::ingress, random_address(random_, Family::ipv4), 6, 80};
    const Pod* pod = random_subject(random_, cluster);
    const Family family = pod->addresses.empty() ? Family::ipv4 : random_.pick(pod->addresses).family();
    Hop hop{pod->name, random_.chance(50) ? Direction::ingress : Direction::egress,
            random_remote(random_, cluster, family), 6, 0};
    set_service(random_, cluster, hop);
    return hop;
}

}  // namespace catflap::test
