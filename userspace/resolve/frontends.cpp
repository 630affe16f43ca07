// SPDX-License-Identifier: Apache-2.0
#include "resolve/frontends.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace catflap::resolve {
namespace {

using Slices = std::vector<const EndpointSlice*>;

constexpr std::array<Family, 2> kFamilies = {Family::ipv4, Family::ipv6};

std::string_view name_of(Family family) {
    return family == Family::ipv4 ? "IPv4" : "IPv6";
}

std::vector<Candidate> candidates(const Slices& slices, const ServicePort& port, Family family) {
    std::vector<Candidate> result;
    for (const EndpointSlice* slice : slices)
        for (const SlicePort& target : slice->ports) {
            if (target.name != port.name || target.protocol != port.protocol)
                continue;
            for (const SliceEndpoint& endpoint : slice->endpoints)
                for (const Address& address : endpoint.addresses)
                    if (address.family() == family)
                        result.push_back({{address, target.port}, &endpoint});
        }
    return result;
}

// One Service on one node, in one family.
struct Place {
    const Service& service;
    const Slices& slices;
    const ProxyNode& node;
    Family family;

    // What a pod is led to from a cluster IP.
    [[nodiscard]] std::vector<Backend> inside(const ServicePort& port) const {
        return endpoints_in_use(candidates(slices, port, family), service.internal_policy, node);
    }

    // What a pod is led to from an external address or a node port. Where the external policy is Local, kube-proxy
    // leads pods to the cluster's endpoints (iptables and nftables, with --cluster-cidr or another detector of local
    // traffic), or to those of the node (mode ipvs; without a detector). Either may be chosen.
    [[nodiscard]] std::vector<Backend> outside(const ServicePort& port) const {
        const std::vector<Candidate> all = candidates(slices, port, family);
        std::vector<Backend> result = endpoints_in_use(all, TrafficPolicy::cluster, node);
        if (service.external_policy == TrafficPolicy::cluster)
            return result;
        std::ranges::copy(endpoints_in_use(all, TrafficPolicy::local, node), std::back_inserter(result));
        std::ranges::sort(result);
        result.erase(std::ranges::unique(result).begin(), result.end());
        return result;
    }
};

// Addresses of one family and the ports that they have in common; an address may be in several.
struct Part {
    std::string name;
    std::vector<Address> addresses;
    std::vector<FrontendPort> ports;
};

std::vector<Address> of_family(const std::vector<Address>& addresses, Family family) {
    std::vector<Address> result;
    std::ranges::copy_if(addresses, std::back_inserter(result),
                         [&](const Address& address) { return address.family() == family; });
    return result;
}

void add_service(const Place& place, std::vector<Part>& result, Part& node_ports) {
    const Service& service = place.service;
    Part inside{to_string(service.name), of_family(service.addresses, place.family), {}};
    Part outside{fmt::format("{} from outside", to_string(service.name)),
                 of_family(service.external_addresses, place.family),
                 {}};
    for (const ServicePort& port : service.ports) {
        inside.ports.push_back({port.protocol, port.port, place.inside(port)});
        if (!outside.addresses.empty())
            outside.ports.push_back({port.protocol, port.port, place.outside(port)});
        if (port.node_port != 0)
            node_ports.ports.push_back({port.protocol, port.node_port, place.outside(port)});
    }
    result.push_back(std::move(inside));
    result.push_back(std::move(outside));
}

std::vector<Address> addresses_of(const Cluster& cluster, const ThisNode& node, Family family) {
    std::vector<Address> result = of_family(node.addresses, family);
    if (const auto self = cluster.nodes.find(node.name); self != cluster.nodes.end())
        std::ranges::copy(of_family(self->second.addresses, family), std::back_inserter(result));
    std::ranges::sort(result);
    result.erase(std::ranges::unique(result).begin(), result.end());
    return result;
}

// A pod without an address of the family has none of its host ports there.
std::vector<Backend> backends(const Pod& pod, const HostPort& port, Family family) {
    std::vector<Backend> result;
    for (const Address& address : of_family(pod.addresses, family))
        result.push_back({address, port.container_port});
    return result;
}

// Of all of the node's addresses one part, and one of each address that a host port names.
void add_host_ports(const Cluster& cluster, const ThisNode& node, Family family, std::vector<Part>& result) {
    const std::vector<Address> own = addresses_of(cluster, node, family);
    std::map<std::optional<Address>, std::map<std::pair<Protocol, uint16_t>, std::vector<Backend>>> ports;
    for (const ObjectName& name : node.pods) {
        const Pod& pod = cluster.pods.at(name);
        for (const HostPort& port : pod.host_ports) {
            if (port.address && port.address->family() != family)
                continue;
            // portmap redirects what is sent to the node (addrtype LOCAL): other addresses are somebody else's.
            if (port.address && !std::ranges::binary_search(own, *port.address))
                continue;
            const std::vector<Backend> mine = backends(pod, port, family);
            if (mine.empty() && !pod.addresses.empty())
                continue;
            std::vector<Backend>& all = ports[port.address][{port.protocol, port.port}];
            all.insert(all.end(), mine.begin(), mine.end());
        }
    }
    for (auto& [address, of_address] : ports) {
        Part part{address ? fmt::format("host ports of {}", to_string(*address)) : "host ports", {}, {}};
        part.addresses = address ? std::vector{*address} : own;
        for (auto& [port, all] : of_address) {
            std::ranges::sort(all);
            all.erase(std::ranges::unique(all).begin(), all.end());
            part.ports.push_back({port.first, port.second, std::move(all)});
        }
        result.push_back(std::move(part));
    }
}

std::vector<Part> parts(const Cluster& cluster, const ThisNode& node, Family family) {
    std::map<ObjectName, Slices> slices;
    for (const auto& [name, slice] : cluster.slices)
        slices[{name.ns, slice.service}].push_back(&slice);
    const auto self = cluster.nodes.find(node.name);
    const ProxyNode proxy{node.name, self == cluster.nodes.end() ? "" : self->second.zone};
    std::vector<Part> result;
    Part node_ports{"node ports", addresses_of(cluster, node, family), {}};
    for (const auto& [name, service] : cluster.services)
        add_service({service, slices[name], proxy, family}, result, node_ports);
    result.push_back(std::move(node_ports));
    add_host_ports(cluster, node, family, result);
    std::erase_if(result, [](const Part& part) { return part.addresses.empty() || part.ports.empty(); });
    return result;
}

// What one address has of several parts. Where two have the same port, kube-proxy takes one of them: any backend.
Frontend joined(const std::vector<const Part*>& parts, Family family) {
    Frontend result;
    std::vector<FrontendPort> ports;
    for (const Part* part : parts) {
        result.name += part->name + (part == parts.back() ? " " : ", ");
        ports.insert(ports.end(), part->ports.begin(), part->ports.end());
    }
    result.name += name_of(family);
    if (parts.size() == 1) {
        result.ports = std::move(ports);
        return result;
    }
    std::ranges::sort(ports);
    for (FrontendPort& port : ports) {
        if (result.ports.empty() || result.ports.back().protocol != port.protocol ||
            result.ports.back().port != port.port) {
            result.ports.push_back(std::move(port));
            continue;
        }
        std::vector<Backend>& all = result.ports.back().backends;
        all.insert(all.end(), port.backends.begin(), port.backends.end());
        std::ranges::sort(all);
        all.erase(std::ranges::unique(all).begin(), all.end());
    }
    return result;
}

}  // namespace

std::vector<Frontend> frontends_of(const Cluster& cluster, const ThisNode& node) {
    std::vector<Frontend> result;
    for (const Family family : kFamilies) {
        const std::vector<Part> all = parts(cluster, node, family);
        std::map<Address, std::vector<const Part*>> by_address;
        for (const Part& part : all)
            for (const Address& address : part.addresses)
                by_address[address].push_back(&part);
        std::map<std::vector<const Part*>, size_t> made;  // its index in the result
        for (auto& [address, of_address] : by_address) {
            of_address.erase(std::ranges::unique(of_address).begin(), of_address.end());
            const auto [entry, added] = made.try_emplace(of_address, result.size());
            if (added)
                result.push_back(joined(of_address, family));
            result[entry->second].addresses.push_back(address);
        }
    }
    return result;
}

}  // namespace catflap::resolve
