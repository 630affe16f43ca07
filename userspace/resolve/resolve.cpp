// SPDX-License-Identifier: Apache-2.0
#include "resolve/resolve.h"

#include <algorithm>
#include <set>

namespace catflap::resolve {
namespace {

template <class T>
void sort_unique(std::vector<T>& values) {
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

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

// Every number under which some pod declares a port name.
using DeclaredPorts = std::map<std::pair<std::string, Protocol>, std::set<uint16_t>>;

DeclaredPorts declared_ports(const Cluster& cluster) {
    DeclaredPorts declared;
    for (const auto& [name, pod] : cluster.pods) {
        if (!is_policed(pod))
            continue;
        for (const NamedPort& port : pod.ports)
            declared[{port.name, port.protocol}].insert(port.number);
    }
    return declared;
}

class PolicyResolver {
  public:
    PolicyResolver(const Cluster& cluster) : declared_(declared_ports(cluster)) {}

    // The rules of one policy in one direction, for one pod (whose port names ingress rules speak of).
    void append(const Policy& policy, Direction direction, const Pod& pod, std::vector<Rule>& rules) const {
        const auto& written = direction == Direction::ingress ? policy.ingress : policy.egress;
        for (uint32_t i = 0; i < written.size(); ++i) {
            Rule rule;
            rule.policy = policy.name;
            rule.index = i;
            rule.any_peer = written[i].peers.empty();
            rule.any_port = written[i].ports.empty();
            rule.peers = peer_sets(policy.name.ns, written[i].peers);
            rule.written_hash = written_hash(rule.peers, written[i]);
            add_ports(written[i].ports, direction, pod, rule, rules);
        }
    }

  private:
    void add_ports(const std::vector<PolicyPort>& ports, Direction direction, const Pod& pod, Rule rule,
                   std::vector<Rule>& rules) const {
        for (const PolicyPort& port : ports) {
            const std::string* name = std::get_if<std::string>(&port.port);
            if (!name)
                rule.ports.push_back(numeric_range(port));
            else if (direction == Direction::ingress)
                add_own_port(*name, port.protocol, pod, rule);
            else
                add_peers_port(*name, port.protocol, rule, rules);
        }
        sort_unique(rule.ports);
        if (rule.any_port || !rule.ports.empty())
            rules.push_back(std::move(rule));
    }

    // The destination is the pod itself: the name is one of its own ports, or matches nothing.
    static void add_own_port(const std::string& name, Protocol protocol, const Pod& pod, Rule& rule) {
        for (const NamedPort& port : pod.ports)
            if (port.name == name && port.protocol == protocol)
                rule.ports.push_back({protocol, port.number, port.number});
    }

    // The destinations are the peers: a rule of its own for each number, admitting the peers that declare it.
    void add_peers_port(const std::string& name, Protocol protocol, const Rule& rule, std::vector<Rule>& rules) const {
        const auto numbers = declared_.find({name, protocol});
        if (numbers == declared_.end())
            return;
        for (const uint16_t number : numbers->second) {
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

    DeclaredPorts declared_;
};

bool isolates(const Policy& policy, Direction direction) {
    return direction == Direction::ingress ? policy.isolates_ingress : policy.isolates_egress;
}

}  // namespace

Resolved resolve(const Cluster& cluster, const std::vector<ObjectName>& pods) {
    const PolicyResolver resolver(cluster);
    std::map<std::string, std::vector<const Policy*>> by_namespace;
    for (const auto& [name, policy] : cluster.policies)
        by_namespace[name.ns].push_back(&policy);

    Resolved resolved;
    std::map<DirectionPolicy, size_t> known;
    for (const ObjectName& name : pods) {
        const Pod& pod = cluster.pods.at(name);
        std::array<DirectionPolicy, 2> both;
        for (const Direction direction : kDirections)
            both[static_cast<size_t>(direction)].direction = direction;
        for (const Policy* policy : by_namespace[name.ns]) {
            if (!matches(policy->pods, pod.labels))
                continue;
            for (DirectionPolicy& one : both) {
                if (!isolates(*policy, one.direction))
                    continue;
                one.policies.push_back(policy->name);
                resolver.append(*policy, one.direction, pod, one.rules);
            }
        }
        auto& indices = resolved.endpoints[name];
        for (size_t i = 0; i < both.size(); ++i) {
            const auto [entry, added] = known.try_emplace(both[i], resolved.policies.size());
            if (added)
                resolved.policies.push_back(std::move(both[i]));
            indices[i] = entry->second;
        }
    }
    return resolved;
}

}  // namespace catflap::resolve
