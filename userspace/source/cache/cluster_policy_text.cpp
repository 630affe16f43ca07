// SPDX-License-Identifier: Apache-2.0
// Policies of SIG Network as manifests, each in the words of its own version.
#include "source/cache/json_text.h"
#include "source/cache/manifest_text.h"
#include "source/cache/selector_text.h"

namespace catflap::source {
namespace {

void write_pods(JsonText& json, const PodSelection& selection) {
    const auto& [namespaces, pods] = selection;
    json.open('{');
    write_selector(json.key("namespaceSelector"), namespaces);
    write_selector(json.key("podSelector"), pods);
    json.close('}');
}

void write_peer(JsonText& json, const ClusterPeer& peer) {
    json.open('{');
    if (const auto* selection = std::get_if<PodSelection>(&peer)) {
        write_pods(json.key("pods"), *selection);
    } else if (const auto* of_nodes = std::get_if<NodeSelection>(&peer)) {
        const auto& [nodes] = *of_nodes;
        write_selector(json.key("nodes"), nodes);
    } else if (const auto* list = std::get_if<NetworkList>(&peer)) {
        const auto& [networks] = *list;
        json.key("networks").list(networks, [&](const Prefix& one) { json.string(catflap::to_string(one)); });
    } else if (const auto* domains = std::get_if<DomainNames>(&peer)) {
        const auto& [names] = *domains;
        json.key("domainNames").list(names, [&](const std::string& name) { json.string(name); });
    }
    json.close('}');
}

// v1alpha1: {"portNumber": {...}}, {"portRange": {...}}, {"namedPort": ...}.
void write_old_port(JsonText& json, const ClusterPort& port) {
    json.open('{');
    if (const auto* by_name = std::get_if<PortByName>(&port)) {
        const auto& [name] = *by_name;
        json.key("namedPort").string(name);
    } else if (const auto* numbers = std::get_if<PortInterval>(&port)) {
        const auto& [protocol, first, last] = *numbers;
        json.key(first == last ? "portNumber" : "portRange").open('{').key("protocol").string(to_string(protocol));
        if (first == last)
            json.key("port").number(first);
        else
            json.key("start").number(first).key("end").number(last);
        json.close('}');
    }
    json.close('}');
}

// v1alpha2: {"tcp": {"destinationPort": {...}}}, {"destinationNamedPort": ...}.
void write_new_port(JsonText& json, const ClusterPort& port) {
    json.open('{');
    if (const auto* by_name = std::get_if<PortByName>(&port)) {
        const auto& [name] = *by_name;
        json.key("destinationNamedPort").string(name);
    } else if (const auto* numbers = std::get_if<PortInterval>(&port)) {
        const auto& [protocol, first, last] = *numbers;
        json.key(protocol == Protocol::tcp ? "tcp" : protocol == Protocol::udp ? "udp" : "sctp");
        json.open('{').key("destinationPort").open('{');
        if (first == last)
            json.key("number").number(first);
        else
            json.key("range").open('{').key("start").number(first).key("end").number(last).close('}');
        json.close('}').close('}');
    }
    json.close('}');
}

void write_rules(JsonText& json, bool egress, bool is_new, const std::vector<ClusterRule>& rules) {
    if (rules.empty())
        return;
    json.key(egress ? "egress" : "ingress").list(rules, [&](const ClusterRule& rule) {
        const auto& [name, action, peers, ports, unknown] = rule;
        json.open('{').optional("name", name).key("action");
        json.string(action == RuleAction::accept && !is_new ? "Allow" : to_string(action));
        json.key(egress ? "to" : "from");
        // Nobody knows what the peer was; {} is no kind of peer, either.
        if (unknown)
            json.open('[').open('{').close('}').close(']');
        else
            json.list(peers, [&](const ClusterPeer& peer) { write_peer(json, peer); });
        if (!ports.empty())
            json.key(is_new ? "protocols" : "ports").list(ports, [&](const ClusterPort& port) {
                is_new ? write_new_port(json, port) : write_old_port(json, port);
            });
        json.close('}');
    });
}

}  // namespace

std::string manifest_text(const ClusterPolicy& object) {
    const auto& [name, tier, priority, subject, ingress, egress, created] = object;
    const bool is_new = name.kind == PolicyKind::cluster_network_policy;
    JsonText json;
    json.open('{')
        .key("apiVersion")
        .string(is_new ? "policy.networking.k8s.io/v1alpha2" : "policy.networking.k8s.io/v1alpha1");
    json.key("kind").string(to_string(name.kind)).key("metadata").open('{').key("name").string(name.name);
    json.optional("creationTimestamp", created).close('}').key("spec").open('{');
    if (is_new)
        json.key("tier").string(to_string(tier));
    if (priority)
        json.key("priority").number(*priority);
    json.key("subject").open('{');
    write_pods(json.key("pods"), subject);
    json.close('}');
    write_rules(json, false, is_new, ingress);
    write_rules(json, true, is_new, egress);
    return json.close('}').close('}').take();
}

}  // namespace catflap::source
