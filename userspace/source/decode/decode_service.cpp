// SPDX-License-Identifier: Apache-2.0
// Services and EndpointSlices, as far as they decide where a packet to a Service goes.
#include "source/decode/decode_object.h"

namespace catflap::source {
namespace {

// "None" (headless) and "" are no addresses.
void add_service_address(const Field& field, std::vector<Address>& addresses) {
    const std::optional<std::string> text = field.string();
    if (!text || text->empty() || *text == "None")
        return;
    const Result<Address> address = parse_address(*text);
    if (!address)
        field.refuse(address.error().message);
    else
        addresses.push_back(*address);
}

uint16_t required_port(const Field& field) {
    if (!field.exists())
        field.refuse("is missing; write a port (1 to 65535)");
    return decode_port_number(field).value_or(0);
}

bool is_usable(const Field& conditions) {
    if (!conditions.exists())
        return true;  // unknown counts as ready
    return conditions.member("ready").boolean().value_or(true) ||
           conditions.member("serving").boolean().value_or(false);
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
        service.ports.push_back(std::move(port));
    }
    sort_unique(service.ports);
    service.local_only = spec.member("internalTrafficPolicy").string() == "Local";
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
    for (const Field& item : object.member("endpoints").items()) {
        if (!item.is_mapping() || !is_usable(item.member("conditions")))
            continue;
        SliceEndpoint endpoint;
        for (const Field& address : item.member("addresses").items())
            add_service_address(address, endpoint.addresses);
        endpoint.node = item.member("nodeName").string().value_or("");
        slice.endpoints.push_back(std::move(endpoint));
    }
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
