// SPDX-License-Identifier: Apache-2.0
// Namespaces, nodes and pods, as far as policies speak of them; other fields are not looked at.
#include <fmt/format.h>

#include <algorithm>

#include "source/decode/decode_object.h"
#include "source/decode/names.h"

namespace catflap::source {
namespace {

void add_address(const Field& field, std::vector<Address>& addresses) {
    const std::optional<std::string> text = field.string();
    if (!text || text->empty())
        return;
    const std::optional<Address> address = decode_address(field);
    if (address && std::ranges::find(addresses, *address) == addresses.end())
        addresses.push_back(*address);
}

std::vector<Address> decode_pod_addresses(const Field& status) {
    std::vector<Address> addresses;
    for (const Field& item : status.member("podIPs").items())
        if (item.is_mapping())
            add_address(item.member("ip"), addresses);
    if (addresses.empty())
        add_address(status.member("podIP"), addresses);
    return addresses;
}

// "": it has none.
std::string decode_port_name(const Field& port) {
    const Field field = port.member("name");
    const std::string text = field.string().value_or("");
    return text.empty() || check_name(field, text, check_port_name(text)) ? text : "";
}

void add_host_port(const Field& item, HostPort host_port, std::vector<HostPort>& host_ports) {
    const std::optional<uint16_t> port = decode_port_number(item.member("hostPort"));
    const Field host_ip = item.member("hostIP");
    std::vector<Address> addresses;
    add_address(host_ip, addresses);
    if (!port)
        return;
    host_port.port = *port;
    if (!addresses.empty() && host_ip.string() != "0.0.0.0" && host_ip.string() != "::")
        host_port.address = addresses.front();
    host_ports.push_back(host_port);
}

void add_ports(const Field& container, Pod& pod) {
    for (const Field& item : container.member("ports").items()) {
        if (!item.is_mapping())
            continue;
        const std::string name = decode_port_name(item);
        const Field host_port = item.member("hostPort");
        const bool mapped = host_port.exists() && host_port.integer() != 0;
        if (name.empty() && !mapped)
            continue;
        const Field number = item.member("containerPort");
        if (!number.exists())
            number.refuse("is missing; write a port (1 to 65535)");
        const std::optional<uint16_t> port = decode_port_number(number);
        const std::optional<Protocol> protocol = decode_protocol(item.member("protocol"));
        if (!port || !protocol)
            continue;
        if (!name.empty())
            pod.ports.push_back({name, *protocol, *port});
        if (mapped)
            add_host_port(item, {*protocol, 0, *port, {}}, pod.host_ports);
    }
}

void decode_ports(const Field& spec, Pod& pod) {
    for (const Field& container : spec.member("containers").items())
        if (container.is_mapping())
            add_ports(container, pod);
    // An init container that restarts is a sidecar: it runs, and listens, as long as the pod does.
    for (const Field& container : spec.member("initContainers").items())
        if (container.is_mapping() && container.member("restartPolicy").string() == "Always")
            add_ports(container, pod);
}

// By virtual-kubelet's own label and taint, or by the label of AWS. A Node without any label has lost them on its way
// here (each kubelet sets some): its name has to do.
bool is_virtual_node(const Field& object, const std::string& name) {
    const Field metadata = object.member("metadata");
    const auto label = [&](const char* key) { return metadata.member("labels").member(key); };
    if (const Field type = label("type"); type.exists() && type.string() == "virtual-kubelet")
        return true;
    if (const Field compute = label("eks.amazonaws.com/compute-type");
        compute.exists() && compute.string() == "fargate")
        return true;
    for (const Field& taint : object.member("spec").member("taints").items())
        if (taint.is_mapping() && taint.member("key").string() == kVirtualTaint)
            return true;
    return !metadata.member("labels").exists() &&
           (name.starts_with("virtual-node-") || name.starts_with("virtual-kubelet"));
}

}  // namespace

Namespace decode_namespace(const Field& object, const ObjectName& name) {
    return {name.name, decode_labels(object.member("metadata").member("labels"))};
}

Node decode_node(const Field& object, const ObjectName& name) {
    Node node{name.name, {}};
    node.labels = decode_labels(object.member("metadata").member("labels"));
    if (const auto zone = node.labels.find("topology.kubernetes.io/zone"); zone != node.labels.end())
        node.zone = zone->second;
    node.is_virtual = is_virtual_node(object, name.name);
    const Field status = object.member("status");
    status.is_mapping();
    for (const Field& item : status.member("addresses").items()) {
        if (!item.is_mapping())
            continue;
        const std::optional<std::string> type = item.member("type").string();
        if (type == "InternalIP" || type == "ExternalIP")
            add_address(item.member("address"), node.addresses);
    }
    return node;
}

Pod decode_pod(const Field& object, const ObjectName& name) {
    Pod pod;
    const Field metadata = object.member("metadata");
    const Field spec = object.member("spec");
    const Field status = object.member("status");
    spec.is_mapping();
    status.is_mapping();
    pod.name = name;
    pod.uid = metadata.member("uid").string().value_or("");
    pod.labels = decode_labels(metadata.member("labels"));
    pod.node = spec.member("nodeName").string().value_or("");
    pod.service_account = spec.member("serviceAccountName").string().value_or("default");
    pod.host_network = spec.member("hostNetwork").boolean().value_or(false);
    decode_ports(spec, pod);
    const std::string phase = status.member("phase").string().value_or("");
    pod.finished = phase == "Succeeded" || phase == "Failed";
    pod.addresses = decode_pod_addresses(status);
    return pod;
}

}  // namespace catflap::source
