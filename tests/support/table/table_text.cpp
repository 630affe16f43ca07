// SPDX-License-Identifier: Apache-2.0
#include "support/table/table_text.h"

#include <fmt/ranges.h>

#include <charconv>
#include <map>

#include "source/cache/manifest_text.h"

namespace catflap::test {
namespace {

constexpr uint8_t kIcmp = 1;
constexpr uint8_t kIcmp6 = 58;

std::string list(const std::vector<std::string>& items) {
    return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string mapping(const std::vector<std::string>& entries) {
    return fmt::format("{{{}}}", fmt::join(entries, ", "));
}

template <class Range, class Function>
std::string list_of(const Range& range, const Function& text) {
    std::vector<std::string> items;
    for (const auto& item : range)
        items.push_back(text(item));
    return list(items);
}

std::string quoted(const std::string& text) {
    return fmt::format("\"{}\"", text);
}

std::string labels_text(const Labels& labels) {
    std::vector<std::string> entries;
    for (const auto& [key, value] : labels)
        entries.push_back(fmt::format("{}: {}", key, quoted(value)));
    return mapping(entries);
}

std::string requirement_text(const LabelRequirement& requirement) {
    using Operator = LabelRequirement::Operator;
    static const std::map<Operator, std::string> names = {{Operator::in, "In"},
                                                          {Operator::not_in, "NotIn"},
                                                          {Operator::exists, "Exists"},
                                                          {Operator::does_not_exist, "DoesNotExist"}};
    std::vector<std::string> entries = {"key: " + requirement.key, "operator: " + names.at(requirement.op)};
    if (!requirement.values.empty())
        entries.push_back("values: " + list_of(requirement.values, quoted));
    return mapping(entries);
}

std::string selector_text(const Selector& selector) {
    if (selector.requirements.empty())
        return "{}";
    return mapping({"matchExpressions: " + list_of(selector.requirements, requirement_text)});
}

std::string peer_text(const PolicyPeer& peer) {
    std::vector<std::string> entries;
    if (peer.pods)
        entries.push_back("podSelector: " + selector_text(*peer.pods));
    if (peer.namespaces)
        entries.push_back("namespaceSelector: " + selector_text(*peer.namespaces));
    if (peer.ip_block) {
        const auto prefix_text = [](const Prefix& prefix) { return quoted(to_string(prefix)); };
        std::vector<std::string> block = {"cidr: " + prefix_text(peer.ip_block->cidr)};
        if (!peer.ip_block->except.empty())
            block.push_back("except: " + list_of(peer.ip_block->except, prefix_text));
        entries.push_back("ipBlock: " + mapping(block));
    }
    return mapping(entries);
}

std::string port_text(const PolicyPort& port) {
    std::vector<std::string> entries = {fmt::format("protocol: {}", to_string(port.protocol))};
    if (const auto* number = std::get_if<uint16_t>(&port.port))
        entries.push_back(fmt::format("port: {}", *number));
    else if (const auto* name = std::get_if<std::string>(&port.port))
        entries.push_back("port: " + *name);
    if (port.end_port)
        entries.push_back(fmt::format("endPort: {}", *port.end_port));
    return mapping(entries);
}

std::string rules_text(const std::vector<PolicyRule>& rules, const char* peers_key) {
    return list_of(rules, [&](const PolicyRule& rule) {
        std::vector<std::string> entries;
        if (!rule.peers.empty())
            entries.push_back(fmt::format("{}: {}", peers_key, list_of(rule.peers, peer_text)));
        if (!rule.ports.empty())
            entries.push_back("ports: " + list_of(rule.ports, port_text));
        return mapping(entries);
    });
}

std::string ports_text(const std::vector<NamedPort>& ports) {
    std::map<std::string, std::vector<std::string>> by_name;
    for (const NamedPort& port : ports)
        by_name[port.name].push_back(fmt::format("{}/{}", port.number, to_string(port.protocol)));
    std::vector<std::string> entries;
    for (const auto& [name, numbers] : by_name)
        entries.push_back(fmt::format("{}: {}", name, list(numbers)));
    return mapping(entries);
}

std::string address_text(const Pod& pod, Family family) {
    for (const Address& address : pod.addresses)
        if (address.family() == family)
            return quoted(to_string(address));
    return "none";
}

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields pod_fields(const Pod& pod) {
    return {{"labels", labels_text(pod.labels)},
            {"ip", address_text(pod, Family::ipv4)},
            {"ip6", address_text(pod, Family::ipv6)},
            {"ports", ports_text(pod.ports)},
            {"node", pod.node},
            {"host", pod.host_network ? "true" : "false"},
            {"finished", pod.finished ? "true" : "false"}};
}

// The fields in which the pod differs from what it was; from a pod of the default values, where it
// is new.
std::string pod_text(const Pod& pod, const Pod* before) {
    Pod fresh;
    fresh.node = "n1";
    const Fields old = pod_fields(before == nullptr ? fresh : *before);
    const Fields now = pod_fields(pod);
    std::vector<std::string> entries;
    for (size_t i = 0; i < now.size(); ++i)
        if (now[i] != old[i])
            entries.push_back(fmt::format("{}: {}", now[i].first, now[i].second));
    return mapping(entries);
}

std::string key_text(const std::string& name) {
    return name;
}
std::string key_text(const ObjectName& name) {
    return to_string(name);
}

std::string key_text(const PolicyName& name) {
    const char* kind = name.kind == PolicyKind::cluster_network_policy ? "CNP"
                       : name.kind == PolicyKind::admin_network_policy ? "ANP"
                                                                       : "BANP";
    return fmt::format("{} {}", kind, name.name);
}

std::string node_text(const Node& node, const Node*) {
    return mapping(
        {"labels: " + labels_text(node.labels),
         "addresses: " + list_of(node.addresses, [](const Address& one) { return quoted(to_string(one)); })});
}

// The manifest's spec: JSON is YAML.
std::string spec_text(const ClusterPolicy& policy, const ClusterPolicy*) {
    const std::string manifest = source::manifest_text(policy);
    const size_t spec = manifest.find("\"spec\":") + 7;
    return manifest.substr(spec, manifest.size() - spec - 1);
}

// "  pods:" and a line for each object that is new, changed or gone.
template <class Map, class Function>
std::string changes(const char* key, const Map& before, const Map& after, const Function& text) {
    std::string lines;
    for (const auto& [name, object] : after) {
        const auto old = before.find(name);
        const auto* was = old == before.end() ? nullptr : &old->second;
        if (was == nullptr || !(*was == object))
            lines += fmt::format("    {}: {}\n", key_text(name), text(object, was));
    }
    for (const auto& [name, object] : before)
        if (!after.contains(name))
            lines += fmt::format("    {}: null\n", key_text(name));
    return lines.empty() ? "" : fmt::format("  {}:\n{}", key, lines);
}

std::string state_text(const Cluster& before, const Cluster& after) {
    return changes("namespaces", before.namespaces, after.namespaces,
                   [](const Namespace& ns, const Namespace*) { return labels_text(ns.labels); }) +
           changes("pods", before.pods, after.pods, pod_text) +
           changes("policies", before.policies, after.policies,
                   [](const Policy& policy, const Policy*) { return policy_text(policy); }) +
           changes("nodes", before.nodes, after.nodes, node_text) +
           changes("cluster_policies", before.cluster_policies, after.cluster_policies, spec_text);
}

std::string indented(const std::string& text) {
    std::string result;
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = text.find('\n', begin) + 1;
        result += "  " + text.substr(begin, end - begin);
        begin = end;
    }
    return result;
}

}  // namespace

Result<Service> parse_service(const std::string& text, Family family) {
    if (text == "icmp")
        return Service{family == Family::ipv4 ? kIcmp : kIcmp6, 0};
    Service service;
    const auto number = [](std::string_view digits, auto& value) {
        const char* end = digits.data() + digits.size();
        const auto [after, code] = std::from_chars(digits.data(), end, value);
        return code == std::errc{} && after == end;
    };
    const size_t slash = std::min(text.find('/'), text.size());
    const std::string first = text.substr(0, slash);
    const std::string second = text.substr(std::min(slash + 1, text.size()));
    if (first == "protocol" && number(second, service.protocol))
        return service;
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::sctp})
        if (second == to_string(protocol) && number(first, service.port))
            return Service{static_cast<uint8_t>(protocol), service.port};
    return fail("\"{}\" is not like 80/TCP, icmp or protocol/89", text);
}

std::string service_text(uint8_t protocol, uint16_t port) {
    for (const Protocol known : {Protocol::tcp, Protocol::udp, Protocol::sctp})
        if (protocol == static_cast<uint8_t>(known))
            return fmt::format("{}/{}", port, to_string(known));
    return fmt::format("protocol/{}", protocol);
}

std::string policy_text(const Policy& policy) {
    std::vector<std::string> types;
    std::vector<std::string> entries = {"podSelector: " + selector_text(policy.pods)};
    if (policy.isolates_ingress)
        types.emplace_back("Ingress");
    if (policy.isolates_egress)
        types.emplace_back("Egress");
    entries.push_back("policyTypes: " + list(types));
    if (!policy.ingress.empty())
        entries.push_back("ingress: " + rules_text(policy.ingress, "from"));
    if (!policy.egress.empty())
        entries.push_back("egress: " + rules_text(policy.egress, "to"));
    return mapping(entries);
}

std::string row_text(const oracle::Hop& hop) {
    const std::string pod = to_string(hop.pod);
    const std::string remote = to_string(hop.remote);
    const bool ingress = hop.direction == oracle::Direction::ingress;
    return fmt::format("{} -> {} {}", ingress ? remote : pod, ingress ? pod : remote,
                       service_text(hop.protocol, hop.destination_port));
}

std::string case_text(const std::string& name, const std::vector<Cluster>& states, const oracle::Hop& hop,
                      bool allowed) {
    std::string text = "cases:\n- name: " + quoted(name) + "\n";
    Cluster before;
    for (size_t i = 0; i < states.size(); ++i) {
        if (i == 1)
            text += "  then:\n";
        std::string state = i == 0 ? "" : "- name: \"a change\"\n";
        state += state_text(before, states[i]);
        // Every state needs a row; the last one's is the case, the others' are there to be looked
        // at.
        const bool last = i + 1 == states.size();
        if (last)
            state += fmt::format("  {}:\n  - \"{}\"\n", allowed ? "allowed" : "dropped", row_text(hop));
        text += i == 0 ? state : indented(state);
        before = states[i];
    }
    return text;
}

}  // namespace catflap::test
