// SPDX-License-Identifier: Apache-2.0
#include "resolve/rules.h"

#include <algorithm>

namespace catflap::resolve {
namespace {

IpBlock without_nested_excepts(const IpBlock& block) {
    IpBlock result{block.cidr, {}};
    for (const Prefix& prefix : block.except) {
        const auto covers = [&](const Prefix& other) { return other != prefix && other.contains(prefix); };
        if (std::ranges::none_of(block.except, covers))
            result.except.push_back(prefix);
    }
    sort_unique(result.except);
    return result;
}

SourceSet pod_set(const std::string& policy_ns, const PolicyPeer& peer) {
    PodMatch match;
    if (peer.namespaces)
        match.namespaces = *peer.namespaces;
    else
        match.ns = policy_ns;
    if (peer.pods)
        match.pods = *peer.pods;
    return {match, {}};
}

// The peers of a rule as sets: one for each selector, one for all ipBlocks together.
std::vector<SourceSet> peer_sets(const std::string& policy_ns, const std::vector<PolicyPeer>& peers) {
    std::vector<SourceSet> sets;
    SourceSet blocks;
    for (const PolicyPeer& peer : peers) {
        if (peer.ip_block)
            blocks.blocks.push_back(without_nested_excepts(*peer.ip_block));
        else
            sets.push_back(pod_set(policy_ns, peer));
    }
    if (!blocks.blocks.empty()) {
        sort_unique(blocks.blocks);
        sets.push_back(std::move(blocks));
    }
    sort_unique(sets);
    return sets;
}

std::string words(const PolicyPort& port) {
    const std::string* name = std::get_if<std::string>(&port.port);
    const uint16_t* number = std::get_if<uint16_t>(&port.port);
    return fmt::format("{}/{}-{}", to_string(port.protocol), name ? *name : std::to_string(number ? *number : -1),
                       port.end_port.value_or(0));
}

// Stable across restarts of one build of the agent, which is all that the counters ask for.
uint64_t written_hash(const std::vector<SourceSet>& peers, const PolicyRule& written) {
    std::string text;
    for (const SourceSet& set : peers)
        text += to_string(set) + "\n";
    for (const PolicyPort& port : written.ports)
        text += words(port) + "\n";
    return std::hash<std::string>{}(text);
}

PortRange numeric_range(const PolicyPort& port) {
    if (const uint16_t* number = std::get_if<uint16_t>(&port.port))
        return {port.protocol, *number, port.end_port.value_or(*number)};
    return {port.protocol, 0, 65535};
}

}  // namespace

void add_own_port(const std::string& name, Protocol protocol, const std::vector<NamedPort>& own, Rule& rule) {
    for (const NamedPort& port : own)
        if (port.name == name && port.protocol == protocol)
            rule.ports.push_back({protocol, port.number, port.number});
}

void add_peers_port(const std::string& name, Protocol protocol, const DeclaredPorts& declared, const Rule& rule,
                    std::vector<Rule>& rules) {
    const auto numbers = declared.find({name, protocol});
    if (numbers == declared.end())
        return;
    for (const auto& [number, pods] : numbers->second) {
        Rule part = rule;
        part.any_peer = false;
        part.any_port = false;
        part.ports = {{protocol, number, number}};
        if (rule.any_peer)
            part.peers = {SourceSet{PodMatch{}, {}}};
        for (SourceSet& set : part.peers) {
            if (!set.pods)
                set.pods = PodMatch{};
            set.pods->declares = NamedPort{name, protocol, number};
        }
        sort_unique(part.peers);
        rules.push_back(std::move(part));
    }
}

void append_rules(const Policy& policy, Direction direction, const PortNames& names, std::vector<Rule>& rules) {
    const auto& written = direction == Direction::ingress ? policy.ingress : policy.egress;
    for (uint32_t i = 0; i < written.size(); ++i) {
        Rule rule;
        rule.policy = policy.name;
        rule.index = i;
        rule.any_peer = written[i].peers.empty();
        rule.any_port = written[i].ports.empty();
        rule.peers = peer_sets(policy.name.ns, written[i].peers);
        rule.written_hash = written_hash(rule.peers, written[i]);
        for (const PolicyPort& port : written[i].ports) {
            const std::string* name = std::get_if<std::string>(&port.port);
            if (!name)
                rule.ports.push_back(numeric_range(port));
            else if (direction == Direction::ingress)
                add_own_port(*name, port.protocol, names.own, rule);
            else
                add_peers_port(*name, port.protocol, names.declared, rule, rules);
        }
        sort_unique(rule.ports);
        if (rule.any_port || !rule.ports.empty())
            rules.push_back(std::move(rule));
    }
}

bool names_own_ports(const Policy& policy) {
    return std::ranges::any_of(policy.ingress, [](const PolicyRule& rule) {
        return std::ranges::any_of(
            rule.ports, [](const PolicyPort& port) { return std::holds_alternative<std::string>(port.port); });
    });
}

}  // namespace catflap::resolve
