// SPDX-License-Identifier: Apache-2.0
#include "explain/peers.h"

#include <fmt/format.h>

#include <algorithm>

namespace catflap::explain {
namespace {

constexpr unsigned kExcept = 1;
constexpr unsigned kLabel = 2;  // each that is wrong
constexpr unsigned kOtherNamespace = 4;
constexpr unsigned kOutsideBlock = 8;
constexpr unsigned kNoPod = 10;

constexpr size_t kMaxPorts = 5;  // in a sentence

unsigned wrong_labels(const Selector& selector, const Labels& labels) {
    return static_cast<unsigned>(std::ranges::count_if(
        selector.requirements, [&](const LabelRequirement& requirement) { return !matches(requirement, labels); }));
}

// "pod b/client has app=client, wanted app=web; ...": a part for each label that is wrong.
std::string labels_in_the_way(const std::string& whose, const Selector& selector, const Labels& labels) {
    std::string text;
    for (const LabelRequirement& requirement : selector.requirements) {
        if (matches(requirement, labels))
            continue;
        const auto label = labels.find(requirement.key);
        text += text.empty() ? "" : "; ";
        text += label == labels.end() ? fmt::format("{} has no label {}", whose, requirement.key)
                                      : fmt::format("{} has {}={}", whose, requirement.key,
                                                    label->second.empty() ? "\"\"" : label->second);
        text += fmt::format(", wanted {}", to_string(Selector{{requirement}}));
    }
    return text;
}

std::string block_in_the_way(const IpBlock& block, const Address& remote) {
    for (const Prefix& except : block.except)
        if (block.cidr.contains(remote) && except.contains(remote))
            return fmt::format("ipBlock {} contains {}, but it has except {}", to_string(block.cidr), to_string(remote),
                               to_string(except));
    return fmt::format("ipBlock {} does not contain {}", to_string(block.cidr), to_string(remote));
}

std::string what_is_there(const Cluster& cluster, const Address& remote) {
    for (const auto& [name, pod] : cluster.pods)
        if (pod.host_network && !pod.finished && has_address(pod, remote))
            return fmt::format("{} is an address of a node, whose network pods like {} use: no selector matches these",
                               to_string(remote), to_string(name));
    return fmt::format("it selects pods, and {} is no pod's address", to_string(remote));
}

// The pod that the connection leads to, whose declarations a port's name stands for.
const Pod* destination(const Hop& hop, const Pod* remote) {
    return hop.direction == Direction::ingress ? &hop.local : remote;
}

bool port_matches(const PolicyPort& port, const Hop& hop, const Pod* remote) {
    if (hop.protocol != static_cast<uint8_t>(port.protocol))
        return false;
    if (const auto* first = std::get_if<uint16_t>(&port.port))
        return *first <= hop.port && hop.port <= port.end_port.value_or(*first);
    const auto* name = std::get_if<std::string>(&port.port);
    if (name == nullptr)
        return true;
    const Pod* pod = destination(hop, remote);
    return pod != nullptr &&
           std::ranges::find(pod->ports, NamedPort{*name, port.protocol, hop.port}) != pod->ports.end();
}

std::string named_in_words(const std::string& name, Protocol protocol, const Pod* pod) {
    if (pod == nullptr)
        return fmt::format("{} {} (a name, which only a pod can declare)", to_string(protocol), name);
    std::string numbers;
    for (const NamedPort& declared : pod->ports)
        if (declared.name == name && declared.protocol == protocol)
            numbers += fmt::format("{}{}", numbers.empty() ? "" : " or ", declared.number);
    return numbers.empty()
               ? fmt::format("{} {} (which {} does not declare)", to_string(protocol), name, to_string(pod->name))
               : fmt::format("{} {} ({} at {})", to_string(protocol), name, numbers, to_string(pod->name));
}

std::string in_words(const PolicyPort& port, const Pod* pod) {
    if (const auto* name = std::get_if<std::string>(&port.port))
        return named_in_words(*name, port.protocol, pod);
    const auto* first = std::get_if<uint16_t>(&port.port);
    if (first == nullptr)
        return fmt::format("every {} port", to_string(port.protocol));
    return port.end_port && *port.end_port != *first
               ? fmt::format("{} {} to {}", to_string(port.protocol), *first, *port.end_port)
               : fmt::format("{} {}", to_string(port.protocol), *first);
}

}  // namespace

bool has_address(const Pod& pod, const Address& address) {
    return std::ranges::find(pod.addresses, address) != pod.addresses.end();
}

std::vector<const Pod*> pods_at(const Cluster& cluster, const Address& address) {
    std::vector<const Pod*> found;
    for (const auto& [name, pod] : cluster.pods)
        if (is_policed(pod) && has_address(pod, address))
            found.push_back(&pod);
    return found;
}

unsigned peer_distance(const Cluster& cluster, const Policy& policy, const PolicyPeer& peer, const Hop& hop,
                       const Pod* remote) {
    if (peer.ip_block) {
        if (!peer.ip_block->cidr.contains(hop.remote))
            return kOutsideBlock;
        const auto& except = peer.ip_block->except;
        return std::ranges::any_of(except, [&](const Prefix& one) { return one.contains(hop.remote); }) ? kExcept : 0;
    }
    if (remote == nullptr)
        return kNoPod;
    unsigned distance = 0;
    if (peer.namespaces)
        distance += kLabel * wrong_labels(*peer.namespaces, namespace_labels(cluster, remote->name.ns));
    else if (remote->name.ns != policy.name.ns)
        distance += kOtherNamespace;
    return distance + (peer.pods ? kLabel * wrong_labels(*peer.pods, remote->labels) : 0);
}

std::string peer_obstacle(const Cluster& cluster, const Policy& policy, const PolicyPeer& peer, const Hop& hop,
                          const Pod* remote) {
    if (peer.ip_block)
        return block_in_the_way(*peer.ip_block, hop.remote);
    if (remote == nullptr)
        return what_is_there(cluster, hop.remote);
    std::string text;
    const std::string& ns = remote->name.ns;
    if (peer.namespaces) {
        text = labels_in_the_way("namespace " + ns, *peer.namespaces, namespace_labels(cluster, ns));
        if (!text.empty() && !cluster.namespaces.contains(ns))
            text += fmt::format(" (there is no Namespace {} that could have labels)", ns);
    } else if (ns != policy.name.ns) {
        text = fmt::format("without a namespaceSelector it selects pods of namespace {} only, and {} is in {}",
                           policy.name.ns, to_string(remote->name), ns);
    }
    const std::string of_pod =
        peer.pods ? labels_in_the_way("pod " + to_string(remote->name), *peer.pods, remote->labels) : "";
    return text + (text.empty() || of_pod.empty() ? "" : "; ") + of_pod;
}

bool ports_match(const PolicyRule& rule, const Hop& hop, const Pod* remote) {
    return rule.ports.empty() ||
           std::ranges::any_of(rule.ports, [&](const PolicyPort& port) { return port_matches(port, hop, remote); });
}

std::string ports_in_words(const PolicyRule& rule, const Hop& hop, const Pod* remote) {
    std::string text;
    for (size_t i = 0; i < rule.ports.size() && i < kMaxPorts; ++i)
        text += fmt::format("{}{}", i == 0 ? "" : ", ", in_words(rule.ports[i], destination(hop, remote)));
    if (rule.ports.size() > kMaxPorts)
        text += fmt::format(" and {} more", rule.ports.size() - kMaxPorts);
    return text;
}

std::string port_in_words(uint8_t protocol, uint16_t port) {
    switch (protocol) {
        case static_cast<uint8_t>(Protocol::tcp):
        case static_cast<uint8_t>(Protocol::udp):
        case static_cast<uint8_t>(Protocol::sctp):
            return fmt::format("{} {}", to_string(static_cast<Protocol>(protocol)), port);
        case 1:
            return "ICMP";
        case 58:
            return "ICMPv6";
        default:
            return fmt::format("protocol {}", protocol);
    }
}

}  // namespace catflap::explain
