// SPDX-License-Identifier: Apache-2.0
#include "resolve/frontends.h"

#include <algorithm>
#include <array>

namespace catflap::resolve {
namespace {

using Slices = std::vector<const EndpointSlice*>;

constexpr std::array<Family, 2> kFamilies = {Family::ipv4, Family::ipv6};

std::string_view name_of(Family family) {
    return family == Family::ipv4 ? "IPv4" : "IPv6";
}

std::vector<Backend> backends(const Slices& slices, const ServicePort& port, Family family,
                              const std::string* only_node) {
    std::vector<Backend> result;
    for (const EndpointSlice* slice : slices)
        for (const SlicePort& target : slice->ports) {
            if (target.name != port.name || target.protocol != port.protocol)
                continue;
            for (const SliceEndpoint& endpoint : slice->endpoints)
                for (const Address& address : endpoint.addresses)
                    if (address.family() == family && (!only_node || endpoint.node == *only_node))
                        result.push_back({address, target.port});
        }
    std::ranges::sort(result);
    result.erase(std::ranges::unique(result).begin(), result.end());
    return result;
}

Frontend frontend(const Service& service, const Slices& slices, Family family, const std::string& node) {
    Frontend result;
    result.name = fmt::format("{} {}", to_string(service.name), name_of(family));
    for (const Address& address : service.addresses)
        if (address.family() == family)
            result.addresses.push_back(address);
    for (const ServicePort& port : service.ports)
        result.ports.push_back(
            {port.protocol, port.port, backends(slices, port, family, service.local_only ? &node : nullptr)});
    return result;
}

void add_node_ports(const Service& service, const Slices& slices, Family family, Frontend& node_ports) {
    for (const ServicePort& port : service.ports)
        if (port.node_port != 0)
            node_ports.ports.push_back({port.protocol, port.node_port, backends(slices, port, family, nullptr)});
}

}  // namespace

std::vector<Frontend> service_frontends(const Cluster& cluster, const std::string& node) {
    std::map<ObjectName, Slices> slices;
    for (const auto& [name, slice] : cluster.slices)
        slices[{name.ns, slice.service}].push_back(&slice);
    std::vector<Frontend> result;
    for (const Family family : kFamilies) {
        Frontend node_ports;
        node_ports.name = fmt::format("node ports {}", name_of(family));
        if (const auto self = cluster.nodes.find(node); self != cluster.nodes.end())
            for (const Address& address : self->second.addresses)
                if (address.family() == family)
                    node_ports.addresses.push_back(address);
        for (const auto& [name, service] : cluster.services) {
            Frontend one = frontend(service, slices[name], family, node);
            if (!one.addresses.empty() && !one.ports.empty())
                result.push_back(std::move(one));
            add_node_ports(service, slices[name], family, node_ports);
        }
        if (!node_ports.addresses.empty() && !node_ports.ports.empty())
            result.push_back(std::move(node_ports));
    }
    return result;
}

}  // namespace catflap::resolve
