// SPDX-License-Identifier: Apache-2.0
// Services and EndpointSlices, as far as they decide where a packet to a Service goes.
#include "source/decode/decode_object.h"

#include <algorithm>

namespace catflap::source {
namespace {

// "None" (headless) and "" are no addresses.
void add_service_address(const Field& field, std::vector<Address>& addresses) {
    const std::optional<std::string> text = field.string();
    if (!text || text->empty() || *text == "None")
        return;
    if (const std::optional<Address> address = decode_address(field))
        addresses.push_back(*address);
}

uint16_t required_port(const Field& field) {
    if (!field.exists())
        field.refuse("is missing; write a port (1 to 65535)");
    return decode_port_number(field).value_or(0);
}

TrafficPolicy decode_traffic_policy(const Field& field) {
    return field.string() == "Local" ? TrafficPolicy::local : TrafficPolicy::cluster;
}

std::vector<std::string> decode_hint(const Field& list) {
    std::vector<std::string> names;
    for (const Field& item : list.items())
        if (item.is_mapping())
            names.push_back(item.member("name").string().value_or(""));
    return names;
}

SliceEndpoint decode_slice_endpoint(const Field& item) {
    SliceEndpoint endpoint;
    for (const Field& address : item.member("addresses").items())
        add_service_address(address, endpoint.addresses);
    endpoint.node = item.member("nodeName").string().value_or("");
    if (const Field conditions = item.member("conditions"); conditions.exists() && conditions.is_mapping()) {
        endpoint.ready = conditions.member("ready").boolean().value_or(true);
        endpoint.serving = conditions.member("serving").boolean().value_or(true);
        endpoint.terminating = conditions.member("terminating").boolean().value_or(false);
    }
    if (const Field hints = item.member("hints"); hints.exists() && hints.is_mapping()) {
        endpoint.for_zones = decode_hint(hints.member("forZones"));
        endpoint.for_nodes = decode_hint(hints.member("forNodes"));
    }
    return endpoint;
}

// Its labels give it to another proxy, or to none: kube-proxy does not even watch it (cmd/kube-proxy/app/server.go, the
// informers' selector).
bool is_labelled_away(const Field& object) {
    const Field labels = object.member("metadata").member("labels");
    return labels.member("service.kubernetes.io/service-proxy-name").exists() ||
           labels.member("service.kubernetes.io/headless").exists();
}

// It has none in a family in which it has no cluster IP; a headless one has none at all (pkg/proxy/util,
// ShouldSkipService).
void keep_families(std::vector<Address>& external, const std::vector<Address>& inside) {
    std::erase_if(external, [&](const Address& address) {
        return std::ranges::none_of(inside, [&](const Address& one) { return one.family() == address.family(); });
    });
}

}  // namespace

Service decode_service(const Field& object, const ObjectName& name) {
    Service service;
    service.name = name;
    const Field spec = object.member("spec");
    spec.is_mapping();
    if (spec.member("type").string() == "ExternalName")
        return service;
    for (const Field& item : spec.member("clusterIPs").items())
        add_service_address(item, service.addresses);
    add_service_address(spec.member("clusterIP"), service.addresses);
    for (const Field& item : spec.member("externalIPs").items())
        add_service_address(item, service.external_addresses);
    // ipMode Proxy: kube-proxy leaves the address to the load balancer.
    for (const Field& item : object.member("status").member("loadBalancer").member("ingress").items())
        if (item.is_mapping() && item.member("ipMode").string() != "Proxy")
            add_service_address(item.member("ip"), service.external_addresses);
    if (is_labelled_away(object))
        service.addresses.clear();
    keep_families(service.external_addresses, service.addresses);
    sort_unique(service.addresses);
    sort_unique(service.external_addresses);
    for (const Field& item : spec.member("ports").items()) {
        if (!item.is_mapping())
            continue;
        ServicePort port;
        port.name = item.member("name").string().value_or("");
        port.protocol = decode_protocol(item.member("protocol")).value_or(Protocol::tcp);
        port.port = required_port(item.member("port"));
        if (const Field node_port = item.member("nodePort"); node_port.exists() && node_port.integer() != 0)
            port.node_port = decode_port_number(node_port).value_or(0);
        if (service.addresses.empty())
            port.node_port = 0;
        service.ports.push_back(std::move(port));
    }
    sort_unique(service.ports);
    service.internal_policy = decode_traffic_policy(spec.member("internalTrafficPolicy"));
    service.external_policy = decode_traffic_policy(spec.member("externalTrafficPolicy"));
    return service;
}

EndpointSlice decode_endpoint_slice(const Field& object, const ObjectName& name) {
    EndpointSlice slice;
    slice.name = name;
    const Labels labels = decode_labels(object.member("metadata").member("labels"));
    if (const auto service = labels.find("kubernetes.io/service-name"); service != labels.end())
        slice.service = service->second;
    if (object.member("addressType").string() == "FQDN")
        return slice;
    for (const Field& item : object.member("endpoints").items())
        if (item.is_mapping())
            slice.endpoints.push_back(decode_slice_endpoint(item));
    for (const Field& item : object.member("ports").items()) {
        if (!item.is_mapping() || !item.member("port").exists())
            continue;
        slice.ports.push_back({item.member("name").string().value_or(""),
                               decode_protocol(item.member("protocol")).value_or(Protocol::tcp),
                               required_port(item.member("port"))});
    }
    return slice;
}

}  // namespace catflap::source
