// SPDX-License-Identifier: Apache-2.0
#include "explain/question.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/spelling.h"
#include "explain/hop.h"

namespace catflap::explain {
namespace {

// ", did you mean shop/web?"
std::string did_you_mean(const std::string& word) {
    return word.empty() ? "" : fmt::format(", did you mean {}?", word);
}

// A pod of the namespace with a similar name, or one that a Deployment of this name may have made.
std::string similar_pod(const Cluster& cluster, const ObjectName& name) {
    std::vector<std::string_view> names;
    std::string made;
    for (auto pod = cluster.pods.lower_bound({name.ns, ""}); pod != cluster.pods.end() && pod->first.ns == name.ns;
         ++pod) {
        names.push_back(pod->first.name);
        if (made.empty() && pod->first.name.starts_with(name.name + "-"))
            made = pod->first.name;
    }
    const std::string similar = made.empty() ? std::string(nearest(name.name, names)) : made;
    return similar.empty() ? "" : name.ns + "/" + similar;
}

Result<Place> no_such_pod(const Cluster& cluster, const ObjectName& name) {
    std::set<std::string> namespaces;
    for (const auto& [ns, object] : cluster.namespaces)
        namespaces.insert(ns);
    for (const auto& [pod, object] : cluster.pods)
        namespaces.insert(pod.ns);
    if (namespaces.contains(name.ns))
        return fail("there is no pod {}{}", to_string(name), did_you_mean(similar_pod(cluster, name)));
    const std::vector<std::string_view> names(namespaces.begin(), namespaces.end());
    return fail("there is no pod {}: there is no namespace {}{}", to_string(name), name.ns,
                did_you_mean(std::string(nearest(name.ns, names))));
}

Result<Place> pod_named(const Cluster& cluster, const ObjectName& name) {
    const auto found = cluster.pods.find(name);
    if (found == cluster.pods.end())
        return no_such_pod(cluster, name);
    const Pod& pod = found->second;
    if (pod.finished)
        return fail("pod {} has finished: it sends and receives nothing, and its address may be another pod's by now",
                    to_string(name));
    if (pod.addresses.empty())
        return fail("pod {} has no address yet{}: nothing can be sent to it, and no policy knows it as a peer",
                    to_string(name), pod.node.empty() ? ", as it is not scheduled" : "");
    return Place{&pod, false, pod.addresses};
}

std::string endpoints_of(const Cluster& cluster, const ObjectName& service) {
    std::string text;
    size_t count = 0;
    for (const auto& [name, slice] : cluster.slices)
        if (name.ns == service.ns && slice.service == service.name)
            for (const SliceEndpoint& endpoint : slice.endpoints)
                for (const Address& address : endpoint.addresses)
                    for (const SlicePort& port : slice.ports)
                        if (++count <= 3)
                            text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", to_string(address),
                                                to_string(port.protocol), port.port);
    if (count > 3)
        text += fmt::format(" and {} more", count - 3);
    return text.empty() ? "it has none" : text;
}

// Policies speak of the backends, each of which may be another pod's.
Result<Place> is_a_service(const Cluster& cluster, const ObjectName& service, const std::string& what) {
    return fail("{}Services are not explained, as policies do not know them: ask about one of its endpoints ({})", what,
                endpoints_of(cluster, service));
}

Result<Place> service_named(const Cluster& cluster, const std::string& text) {
    const size_t slash = text.find('/');
    const ObjectName name{text.substr(0, slash), slash == std::string::npos ? "" : text.substr(slash + 1)};
    if (!cluster.services.contains(name))
        return fail("there is no Service {}", text);
    return is_a_service(cluster, name, "");
}

// A pod sends to it, and the node turns it into a backend's.
const Service* service_at(const Cluster& cluster, const Address& address) {
    const auto is_at = [&](const Service& service) {
        return std::ranges::find(service.addresses, address) != service.addresses.end() ||
               std::ranges::find(service.external_addresses, address) != service.external_addresses.end();
    };
    for (const auto& [name, service] : cluster.services)
        if (is_at(service))
            return &service;
    return nullptr;
}

Result<Place> place(const Cluster& cluster, const std::string& text, const char* role) {
    if (text == "host")
        return Place{nullptr, true, {}};
    if (text.starts_with("svc/"))
        return service_named(cluster, text.substr(4));
    if (parse_prefix(text))
        return fail("{} {} is a block of addresses: ask about one of them", role, text);
    const size_t slash = text.find('/');
    if (slash != std::string::npos && slash > 0 && slash + 1 < text.size() &&
        text.find('/', slash + 1) == std::string::npos)
        return pod_named(cluster, {text.substr(0, slash), text.substr(slash + 1)});
    const auto address = parse_address(text);
    if (!address)
        return fail(R"({} "{}" is neither NAMESPACE/POD nor an address nor "host")", role, text);
    if (const Service* service = service_at(cluster, *address))
        return is_a_service(cluster, service->name, fmt::format("{} is Service {}; ", text, to_string(service->name)));
    return Place{nullptr, false, {*address}};
}

// The addresses of the node on which the other end is.
Result<std::vector<Address>> host_of(const Cluster& cluster, const Place& other) {
    const Pod* pod = other.pod;
    if (pod == nullptr && !other.addresses.empty()) {
        const auto pods = pods_at(cluster, other.addresses.front());
        pod = pods.empty() ? nullptr : pods.front();
    }
    if (pod == nullptr)
        return fail("\"host\" is the node of the pod at the other end, and there is no pod");
    const auto node = cluster.nodes.find(pod->node);
    if (node == cluster.nodes.end() || node->second.addresses.empty())
        return fail(R"("host" is node "{}" of pod {}, and there is no Node with an address of this name)", pod->node,
                    to_string(pod->name));
    return node->second.addresses;
}

std::optional<uint16_t> number(std::string_view text) {
    uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && value > 0 ? std::optional(value) : std::nullopt;
}

Result<uint16_t> declared_port(const Place& to, const std::string& name, Protocol protocol) {
    if (to.pod == nullptr)
        return fail("port \"{}\" is neither a number from 1 to 65535 nor a name, which only a pod can declare", name);
    for (const NamedPort& declared : to.pod->ports)
        if (declared.name == name && declared.protocol == protocol)
            return declared.number;
    return fail("pod {} declares no {} port named \"{}\", and it is no number from 1 to 65535", to_string(to.pod->name),
                to_string(protocol), name);
}

Result<> parse_port(const std::string& text, Parsed& parsed) {
    if (equal_but_for_case(text, "icmp") || equal_but_for_case(text, "icmpv6")) {
        parsed.protocol = 1;
        return {};
    }
    const size_t slash = text.find('/');
    const std::string name = text.substr(0, slash);
    const std::string protocol = slash == std::string::npos ? "" : text.substr(slash + 1);
    for (const Protocol one : {Protocol::tcp, Protocol::udp, Protocol::sctp}) {
        if (name.empty() || !equal_but_for_case(protocol, to_string(one)))
            continue;
        parsed.protocol = static_cast<uint8_t>(one);
        const auto digits = number(name);
        const auto port = digits ? Result<uint16_t>(*digits) : declared_port(parsed.to, name, one);
        if (!port)
            return tl::unexpected(port.error());
        parsed.port = *port;
        return {};
    }
    return fail("\"{}\" is no PORT/PROTOCOL: 80/tcp, 53/udp, 36412/sctp or icmp", text);
}

}  // namespace

Result<Parsed> parse(const Cluster& cluster, const report::Question& question) {
    Parsed parsed;
    auto from = place(cluster, question.from, "FROM");
    if (!from)
        return tl::unexpected(from.error());
    auto to = place(cluster, question.to, "TO");
    if (!to)
        return tl::unexpected(to.error());
    parsed.from = std::move(*from);
    parsed.to = std::move(*to);
    if (parsed.from.is_host && parsed.to.is_host)
        return fail("FROM and TO are both \"host\", to whose traffic with itself no policy applies");
    if (parsed.from.is_host || parsed.to.is_host) {
        Place& host = parsed.from.is_host ? parsed.from : parsed.to;
        auto addresses = host_of(cluster, parsed.from.is_host ? parsed.to : parsed.from);
        if (!addresses)
            return tl::unexpected(addresses.error());
        host.addresses = std::move(*addresses);
    }
    if (auto port = parse_port(question.port, parsed); !port)
        return tl::unexpected(port.error());
    return parsed;
}

}  // namespace catflap::explain
