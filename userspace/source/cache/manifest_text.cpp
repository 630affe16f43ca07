// SPDX-License-Identifier: Apache-2.0
#include "source/cache/manifest_text.h"

#include "source/cache/json_text.h"
#include "source/cache/selector_text.h"

namespace catflap::source {
namespace {

// The types are taken apart by structured bindings: a field that is added to one of them does not compile here until it
// is written, too.

// {"apiVersion":...,"kind":...,"metadata":{"name":...: the metadata stay open.
JsonText begin(std::string_view version, std::string_view kind, std::string_view name, std::string_view ns = {}) {
    JsonText json;
    json.open('{').key("apiVersion").string(version).key("kind").string(kind).key("metadata").open('{');
    json.key("name").string(name).optional("namespace", ns);
    return json;
}

void write_labels(JsonText& json, const Labels& labels) {
    if (labels.empty())
        return;
    json.key("labels").open('{');
    for (const auto& [key, value] : labels)
        json.key(key).string(value);
    json.close('}');
}

void write_addresses(JsonText& json, std::string_view name, const std::vector<Address>& addresses) {
    json.key(name).list(addresses, [&](const Address& address) { json.string(catflap::to_string(address)); });
}

void write_peer(JsonText& json, const PolicyPeer& peer) {
    const auto& [pods, namespaces, ip_block] = peer;
    json.open('{');
    if (pods)
        write_selector(json.key("podSelector"), *pods);
    if (namespaces)
        write_selector(json.key("namespaceSelector"), *namespaces);
    if (ip_block) {
        const auto& [cidr, except] = *ip_block;
        json.key("ipBlock").open('{').key("cidr").string(catflap::to_string(cidr));
        if (!except.empty())
            json.key("except").list(except, [&](const Prefix& part) { json.string(catflap::to_string(part)); });
        json.close('}');
    }
    json.close('}');
}

void write_port(JsonText& json, const PolicyPort& policy_port) {
    const auto& [protocol, port, end_port] = policy_port;
    json.open('{').key("protocol").string(to_string(protocol));
    if (const auto* number = std::get_if<uint16_t>(&port))
        json.key("port").number(*number);
    else if (const auto* name = std::get_if<std::string>(&port))
        json.key("port").string(*name);
    if (end_port)
        json.key("endPort").number(*end_port);
    json.close('}');
}

// direction: "ingress" or "egress"; peers: "from" or "to".
void write_rules(JsonText& json, std::string_view direction, std::string_view peers_name,
                 const std::vector<PolicyRule>& rules) {
    if (rules.empty())
        return;
    json.key(direction).list(rules, [&](const PolicyRule& rule) {
        const auto& [peers, ports] = rule;
        json.open('{');
        if (!peers.empty())
            json.key(peers_name).list(peers, [&](const PolicyPeer& peer) { write_peer(json, peer); });
        if (!ports.empty())
            json.key("ports").list(ports, [&](const PolicyPort& port) { write_port(json, port); });
        json.close('}');
    });
}

void write_container_ports(JsonText& json, const std::vector<NamedPort>& ports,
                           const std::vector<HostPort>& host_ports) {
    json.key("containers").open('[').open('{').key("ports").open('[');
    for (const auto& [name, protocol, number] : ports)
        json.open('{')
            .key("name")
            .string(name)
            .key("protocol")
            .string(to_string(protocol))
            .key("containerPort")
            .number(number)
            .close('}');
    for (const auto& [protocol, port, container_port, address] : host_ports) {
        json.open('{').key("protocol").string(to_string(protocol)).key("containerPort").number(container_port);
        json.key("hostPort").number(port);
        if (address)
            json.key("hostIP").string(catflap::to_string(*address));
        json.close('}');
    }
    json.close(']').close('}').close(']');
}

void write_hint(JsonText& json, std::string_view name, const std::vector<std::string>& places) {
    if (!places.empty())
        json.key(name).list(places,
                            [&](const std::string& place) { json.open('{').key("name").string(place).close('}'); });
}

void write_endpoint(JsonText& json, const SliceEndpoint& endpoint) {
    const auto& [addresses, node, ready, serving, terminating, for_zones, for_nodes] = endpoint;
    json.open('{');
    write_addresses(json, "addresses", addresses);
    json.optional("nodeName", node).key("conditions").open('{');
    json.key("ready").boolean(ready).key("serving").boolean(serving).key("terminating").boolean(terminating).close('}');
    if (!for_zones.empty() || !for_nodes.empty()) {
        json.key("hints").open('{');
        write_hint(json, "forZones", for_zones);
        write_hint(json, "forNodes", for_nodes);
        json.close('}');
    }
    json.close('}');
}

}  // namespace

std::string manifest_text(const Namespace& object) {
    const auto& [name, labels] = object;
    JsonText json = begin("v1", "Namespace", name);
    write_labels(json, labels);
    return json.close('}').close('}').take();
}

std::string manifest_text(const Node& object) {
    const auto& [name, addresses, zone, is_virtual, labels] = object;
    JsonText json = begin("v1", "Node", name);
    // A Node without `labels` could be taken for a virtual one by its name; the zone is one of them.
    json.key("labels").open('{');
    for (const auto& [key, value] : labels)
        json.key(key).string(value);
    json.close('}').close('}');
    if (is_virtual)
        json.key("spec")
            .open('{')
            .key("taints")
            .open('[')
            .open('{')
            .key("key")
            .string(kVirtualTaint)
            .close('}')
            .close(']')
            .close('}');
    json.key("status").open('{').key("addresses").list(addresses, [&](const Address& address) {
        json.open('{').key("type").string("InternalIP").key("address").string(catflap::to_string(address)).close('}');
    });
    return json.close('}').close('}').take();
}

std::string manifest_text(const Pod& object) {
    const auto& [name, uid, node, labels, service_account, host_network, finished, addresses, ports, host_ports] =
        object;
    JsonText json = begin("v1", "Pod", name.name, name.ns);
    json.optional("uid", uid);
    write_labels(json, labels);
    json.close('}').key("spec").open('{').optional("nodeName", node);
    if (service_account != "default")
        json.key("serviceAccountName").string(service_account);
    if (host_network)
        json.key("hostNetwork").boolean(true);
    if (!ports.empty() || !host_ports.empty())
        write_container_ports(json, ports, host_ports);
    json.close('}').key("status").open('{');
    if (finished)
        json.key("phase").string("Succeeded");
    if (!addresses.empty())
        json.key("podIPs").list(addresses, [&](const Address& address) {
            json.open('{').key("ip").string(catflap::to_string(address)).close('}');
        });
    return json.close('}').close('}').take();
}

std::string manifest_text(const Policy& object) {
    const auto& [name, pods, isolates_ingress, isolates_egress, ingress, egress, stands_in, created] = object;
    JsonText json = begin("networking.k8s.io/v1", "NetworkPolicy", name.name, name.ns);
    json.optional("creationTimestamp", created).close('}').key("spec").open('{');
    write_selector(json.key("podSelector"), pods);
    json.key("policyTypes").open('[');
    if (isolates_ingress)
        json.string("Ingress");
    if (isolates_egress)
        json.string("Egress");
    json.close(']');
    write_rules(json, "ingress", "from", ingress);
    write_rules(json, "egress", "to", egress);
    return json.close('}').close('}').take();
}

std::string manifest_text(const Service& object) {
    const auto& [name, addresses, external_addresses, ports, internal_policy, external_policy] = object;
    JsonText json = begin("v1", "Service", name.name, name.ns);
    json.close('}').key("spec").open('{');
    write_addresses(json, "clusterIPs", addresses);
    write_addresses(json, "externalIPs", external_addresses);
    json.key("ports").list(ports, [&](const ServicePort& service_port) {
        const auto& [port_name, protocol, port, node_port] = service_port;
        json.open('{').optional("name", port_name).key("protocol").string(to_string(protocol)).key("port").number(port);
        if (node_port != 0)
            json.key("nodePort").number(node_port);
        json.close('}');
    });
    if (internal_policy == TrafficPolicy::local)
        json.key("internalTrafficPolicy").string("Local");
    if (external_policy == TrafficPolicy::local)
        json.key("externalTrafficPolicy").string("Local");
    return json.close('}').close('}').take();
}

std::string manifest_text(const EndpointSlice& object) {
    const auto& [name, service, endpoints, ports] = object;
    JsonText json = begin("discovery.k8s.io/v1", "EndpointSlice", name.name, name.ns);
    if (!service.empty())
        write_labels(json, {{"kubernetes.io/service-name", service}});
    json.close('}').key("endpoints").list(endpoints, [&](const SliceEndpoint& endpoint) {
        write_endpoint(json, endpoint);
    });
    json.key("ports").list(ports, [&](const SlicePort& slice_port) {
        const auto& [port_name, protocol, port] = slice_port;
        json.open('{').optional("name", port_name).key("protocol").string(to_string(protocol)).key("port").number(port);
        json.close('}');
    });
    return json.close('}').take();
}

std::string manifest_text(const Object& object) {
    return std::visit([](const auto& value) { return manifest_text(value); }, object);
}

}  // namespace catflap::source
