// SPDX-License-Identifier: Apache-2.0
#include "support/table/table_cluster.h"

#include <algorithm>
#include <charconv>

#include "source/decode/decode.h"
#include "support/executors/executor.h"

namespace catflap::test {
namespace {

Result<ObjectName> object_name(const std::string& text) {
    const size_t slash = text.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == text.size())
        return fail("\"{}\" is not namespace/name", text);
    return ObjectName{text.substr(0, slash), text.substr(slash + 1)};
}

Labels labels_of(const Yaml& node) {
    Labels labels;
    for (const auto& [key, value] : node.entries())
        labels.set(key, value.text());
    return labels;
}

Result<NamedPort> named_port(const std::string& name, const std::string& text) {
    NamedPort port{name, Protocol::tcp, 0};
    const char* end = text.data() + text.size();
    const auto [after, code] = std::from_chars(text.data(), end, port.number);
    const std::string protocol(after, end);
    for (const Protocol known : {Protocol::tcp, Protocol::udp, Protocol::sctp}) {
        port.protocol = known;
        if (code == std::errc{} && protocol == fmt::format("/{}", catflap::to_string(known)))
            return port;
    }
    return fail("port {}: \"{}\" is not like 8080/TCP", name, text);
}

// http: 8080/TCP, or http: [8080/TCP, 9090/TCP] where several containers declare the name.
Result<void> set_ports(const Yaml& node, Pod& pod) {
    pod.ports.clear();
    for (const auto& [name, value] : node.entries()) {
        std::vector<Yaml> numbers = value.items();
        if (numbers.empty())
            numbers.push_back(value);
        for (const Yaml& number : numbers) {
            auto port = named_port(name, number.text());
            if (!port)
                return tl::unexpected(port.error());
            pod.ports.push_back(*port);
        }
    }
    return {};
}

// "none" takes the address away. IPv4 stands first, as the podIPs of most clusters do.
Result<void> set_address(const std::string& text, Family family, Pod& pod) {
    std::erase_if(pod.addresses, [&](const Address& old) { return old.family() == family; });
    if (text == "none")
        return {};
    const auto address = parse_address(text);
    if (!address || address->family() != family)
        return fail("\"{}\" is not an address of the family that its key names", text);
    pod.addresses.insert(family == Family::ipv4 ? pod.addresses.begin() : pod.addresses.end(), *address);
    return {};
}

Result<void> set_field(const std::string& key, const Yaml& value, Pod& pod) {
    if (key == "labels")
        pod.labels = labels_of(value);
    else if (key == "node")
        pod.node = value.text();
    else if (key == "host")
        pod.host_network = value.text() == "true";
    else if (key == "finished")
        pod.finished = value.text() == "true";
    else if (key == "ports")
        return set_ports(value, pod);
    else if (key == "ip")
        return set_address(value.text(), Family::ipv4, pod);
    else if (key == "ip6")
        return set_address(value.text(), Family::ipv6, pod);
    else
        return fail("a pod has no field \"{}\"", key);
    return {};
}

Result<void> apply_pod(const ObjectName& name, const Yaml& value, Cluster& cluster) {
    Pod& pod = cluster.pods[name];
    pod.name = name;
    if (pod.node.empty())
        pod.node = kLocalNode;
    for (const auto& [key, field] : value.entries())
        if (auto done = set_field(key, field, pod); !done)
            return fail_because(done.error(), "pod {}", catflap::to_string(name));
    return {};
}

// A refused policy leaves the version before it in force, as the agent does; where there is none, its stand-in.
Result<void> apply_policy(const ObjectName& name, const Yaml& spec, const std::string& refused_field,
                          Cluster& cluster) {
    const std::string manifest = fmt::format(
        "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: {}, namespace: {}}}, spec: {}}}",
        name.name, name.ns, spec.on_one_line());
    const source::Decoded decoded = source::decode(manifest, "policy");
    if (!decoded.refusals.empty() || decoded.objects.size() != 1) {
        const std::string field = decoded.refusals.empty() ? "" : decoded.refusals.front().field;
        if (!refused_field.empty() && field == refused_field) {
            for (const source::LocatedObject& stand_in : decoded.stand_ins)
                cluster.policies.try_emplace(name, std::get<Policy>(stand_in.object));
            return {};
        }
        return fail("{}: {}", catflap::to_string(name),
                    decoded.refusals.empty() ? "not a policy" : to_string(decoded.refusals.front()));
    }
    if (!refused_field.empty())
        return fail("{}: taken, but it should be refused for {}", catflap::to_string(name), refused_field);
    cluster.policies[name] = std::get<Policy>(decoded.objects.front().object);
    return {};
}

void apply_namespaces(const Yaml& namespaces, Cluster& cluster) {
    for (const auto& [name, labels] : namespaces.entries())
        if (labels.is_null())
            cluster.namespaces.erase(name);
        else
            cluster.namespaces[name] = {name, labels_of(labels)};
}

Result<PolicyName> cluster_policy_name(const std::string& text) {
    const size_t space = text.find(' ');
    const std::string kind = text.substr(0, space);
    const std::string name = space == std::string::npos ? "" : text.substr(space + 1);
    if (kind == "CNP")
        return PolicyName{PolicyKind::cluster_network_policy, name};
    if (kind == "ANP")
        return PolicyName{PolicyKind::admin_network_policy, name};
    if (kind == "BANP")
        return PolicyName{PolicyKind::baseline_admin_network_policy, name};
    return fail("\"{}\" is not CNP NAME, ANP NAME or BANP default", text);
}

// A refused one leaves the version before it in force; a first one that is refused is as if it were absent.
Result<void> apply_cluster_policy(const PolicyName& name, const Yaml& spec, const std::string& refused_field,
                                  Cluster& cluster) {
    const std::string manifest =
        fmt::format("{{apiVersion: policy.networking.k8s.io/{}, kind: {}, metadata: {{name: \"{}\"}}, spec: {}}}",
                    name.kind == PolicyKind::cluster_network_policy ? "v1alpha2" : "v1alpha1",
                    catflap::to_string(name.kind), name.name, spec.on_one_line());
    const source::Decoded decoded = source::decode(manifest, "policy");
    const std::string field = decoded.refusals.empty() ? "" : decoded.refusals.front().field;
    if (field != refused_field)
        return fail("{}: refused for \"{}\" ({}), and should be for \"{}\"", catflap::to_string(name), field,
                    decoded.refusals.empty() ? "" : to_string(decoded.refusals.front()), refused_field);
    if (!field.empty())
        return {};
    if (decoded.objects.size() != 1)
        return fail("{}: not a policy", catflap::to_string(name));
    cluster.cluster_policies[name] = std::get<ClusterPolicy>(decoded.objects.front().object);
    return {};
}

Result<void> apply_cluster_policies(const Yaml& change, Cluster& cluster) {
    for (const auto& [key, value] : change["cluster_policies"].entries()) {
        const auto name = cluster_policy_name(key);
        if (!name)
            return tl::unexpected(name.error());
        if (value.is_null())
            cluster.cluster_policies.erase(*name);
        else if (auto done = apply_cluster_policy(*name, value, change["refused"][key.c_str()].text(), cluster); !done)
            return done;
    }
    return {};
}

Result<void> apply_nodes(const Yaml& nodes, Cluster& cluster) {
    for (const auto& [name, value] : nodes.entries()) {
        if (value.is_null()) {
            cluster.nodes.erase(name);
            continue;
        }
        Node node{name, {}};
        node.labels = labels_of(value["labels"]);
        for (const Yaml& item : value["addresses"].items()) {
            const auto address = parse_address(item.text());
            if (!address)
                return fail_because(address.error(), "node {}", name);
            node.addresses.push_back(*address);
        }
        cluster.nodes[name] = std::move(node);
    }
    return {};
}

}  // namespace

Result<void> apply(const Yaml& change, Cluster& cluster) {
    apply_namespaces(change["namespaces"], cluster);
    if (auto done = apply_nodes(change["nodes"], cluster); !done)
        return done;
    for (const auto& [key, value] : change["pods"].entries()) {
        const auto name = object_name(key);
        if (!name)
            return tl::unexpected(name.error());
        if (value.is_null())
            cluster.pods.erase(*name);
        else if (auto done = apply_pod(*name, value, cluster); !done)
            return done;
    }
    for (const auto& [key, value] : change["policies"].entries()) {
        const auto name = object_name(key);
        if (!name)
            return tl::unexpected(name.error());
        if (value.is_null())
            cluster.policies.erase(*name);
        else if (auto done = apply_policy(*name, value, change["refused"][key.c_str()].text(), cluster); !done)
            return done;
    }
    return apply_cluster_policies(change, cluster);
}

}  // namespace catflap::test
