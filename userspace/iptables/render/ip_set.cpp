// SPDX-License-Identifier: Apache-2.0
#include "iptables/render/ip_set.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace catflap::iptables {
namespace {

constexpr uint8_t kMappedBits = 96;  // of an IPv4 prefix in the mapped form

std::string lower_case(Protocol protocol) {
    switch (protocol) {
        case Protocol::tcp:
            return "tcp";
        case Protocol::udp:
            return "udp";
        case Protocol::sctp:
            return "sctp";
    }
    return {};
}

void finish(IpSet& set) {
    std::ranges::sort(set.members);
    set.members.erase(std::unique(set.members.begin(), set.members.end()), set.members.end());
}

std::optional<Prefix> parse_net(std::string_view text) {
    if (text.find('/') != std::string_view::npos) {
        const auto prefix = parse_prefix(text);
        return prefix ? std::optional(prefix->prefix) : std::nullopt;
    }
    const auto address = parse_address(text);
    return address ? std::optional(Prefix::host(*address)) : std::nullopt;
}

}  // namespace

std::string type_words(SetKind kind, Family family) {
    return fmt::format("{} family {} maxelem 1048576", kind == SetKind::selector ? "hash:net" : "hash:ip,port",
                       family == Family::ipv4 ? "inet" : "inet6");
}

std::string to_string(const SetMember& member, SetKind kind) {
    const std::string net = member.net.length() == 128 ? to_string(member.net.address()) : to_string(member.net);
    return kind == SetKind::selector ? net : fmt::format("{},{}:{}", net, lower_case(member.protocol), member.port);
}

std::optional<SetMember> parse_member(std::string_view text, SetKind kind) {
    SetMember member;
    const size_t comma = text.find(',');
    const auto net = parse_net(text.substr(0, comma));
    if (!net || (comma == std::string_view::npos) != (kind == SetKind::selector))
        return std::nullopt;
    member.net = *net;
    if (kind == SetKind::selector)
        return member;
    const std::string_view rest = text.substr(comma + 1);
    const size_t colon = rest.find(':');
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::sctp}) {
        if (colon == std::string_view::npos || rest.substr(0, colon) != lower_case(protocol))
            continue;
        member.protocol = protocol;
        const auto [end, error] = std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), member.port);
        if (error == std::errc() && end == rest.data() + rest.size())
            return member;
    }
    return std::nullopt;
}

void append_net(std::vector<SetMember>& members, const Prefix& net) {
    if (net.written_length() != 0) {
        members.push_back({net});
        return;
    }
    const bool is_ipv4 = net.family() == Family::ipv4;
    const auto half = static_cast<uint8_t>((is_ipv4 ? kMappedBits : 0) + 1);
    Address upper = net.address();
    upper.bytes[is_ipv4 ? kMappedBits / 8 : 0] = 0x80;
    members.push_back({Prefix(net.address(), half)});
    members.push_back({Prefix(upper, half)});
}

IpSet describe_pods(const resolve::PodMatch& match, Family family) {
    IpSet set;
    set.family = family;
    set.meaning = resolve::to_string(resolve::SourceSet{match, {}});
    set.name = set_name(family, set.kind, set.meaning);
    return set;
}

IpSet describe_ports(const resolve::PodMatch& match, const PortName& port, Family family) {
    IpSet set;
    set.family = family;
    set.kind = SetKind::named_port;
    set.meaning = fmt::format("port {}/{} of {}", port.name, to_string(port.protocol),
                              resolve::to_string(resolve::SourceSet{match, {}}));
    set.name = set_name(family, set.kind, set.meaning);
    return set;
}

Membership::Membership(const Cluster& cluster) {
    for (const auto& [name, pod] : cluster.pods) {
        if (!is_policed(pod) || pod.addresses.empty())
            continue;
        const auto [ns, is_new_namespace] = namespaces_.try_emplace(name.ns);
        if (is_new_namespace)
            ns->second.labels = namespace_labels(cluster, name.ns);
        const auto [entry, is_new] = ns->second.workloads.try_emplace(pod.labels);
        Workload& workload = entry->second;
        if (is_new) {
            workload.labels = pod.labels;
            for (const auto& label : pod.labels)
                ns->second.by_label[label].push_back(&workload);
        }
        workload.pods.push_back(&pod);
    }
}

// By one label where the selector names its values, else one by one.
void Membership::append(const PodsOfNamespace& ns, const Selector& selector, Pods& pods) {
    const auto take = [&](const Workload& workload) {
        if (matches(selector, workload.labels))
            pods.insert(pods.end(), workload.pods.begin(), workload.pods.end());
    };
    const auto label = std::ranges::find(selector.requirements, LabelRequirement::Operator::in, &LabelRequirement::op);
    if (label == selector.requirements.end()) {
        for (const auto& [labels, workload] : ns.workloads)
            take(workload);
        return;
    }
    for (const std::string& value : label->values)
        if (const auto found = ns.by_label.find({label->key, value}); found != ns.by_label.end())
            for (const Workload* workload : found->second)
                take(*workload);
}

Membership::Pods Membership::matching(const resolve::PodMatch& match) const {
    Pods pods;
    if (match.ns) {
        if (const auto ns = namespaces_.find(*match.ns); ns != namespaces_.end())
            append(ns->second, match.pods, pods);
        return pods;
    }
    for (const auto& [name, ns] : namespaces_)
        if (matches(match.namespaces, ns.labels))
            append(ns, match.pods, pods);
    return pods;
}

void Membership::fill(IpSet& set, const resolve::PodMatch& match) const {
    for (const Pod* pod : matching(match))
        for (const Address& address : pod->addresses)
            if (address.family() == set.family)
                append_net(set.members, Prefix::host(address));
    finish(set);
}

void Membership::fill(IpSet& set, const resolve::PodMatch& match, const PortName& port) const {
    for (const Pod* pod : matching(match))
        for (const NamedPort& declared : pod->ports)
            if (declared.name == port.name && declared.protocol == port.protocol)
                for (const Address& address : pod->addresses)
                    if (address.family() == set.family)
                        set.members.push_back({Prefix::host(address), declared.protocol, declared.number});
    finish(set);
}

}  // namespace catflap::iptables
