// SPDX-License-Identifier: Apache-2.0
#include "iptables/ip_set.h"

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
    set.members.erase(std::ranges::unique(set.members).begin(), set.members.end());
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

Membership::Membership(const Cluster& cluster) {
    std::map<std::pair<std::string, Labels>, size_t> known;
    for (const auto& [name, pod] : cluster.pods) {
        if (!is_policed(pod) || pod.addresses.empty())
            continue;
        const auto [entry, added] = known.try_emplace({name.ns, pod.labels}, workloads_.size());
        if (added)
            workloads_.push_back({name.ns, pod.labels, namespace_labels(cluster, name.ns), {}});
        workloads_[entry->second].pods.push_back(&pod);
    }
}

bool Membership::selects(const resolve::PodMatch& match, const Workload& workload) {
    const bool in_namespace =
        match.ns ? *match.ns == workload.ns : matches(match.namespaces, workload.namespace_labels);
    return in_namespace && matches(match.pods, workload.labels);
}

IpSet Membership::pods(const resolve::PodMatch& match, Family family) const {
    IpSet set;
    set.family = family;
    set.meaning = resolve::to_string(resolve::SourceSet{match, {}});
    set.name = set_name(family, set.kind, set.meaning);
    for (const Workload& workload : workloads_) {
        if (!selects(match, workload))
            continue;
        for (const Pod* pod : workload.pods)
            for (const Address& address : pod->addresses)
                if (address.family() == family)
                    append_net(set.members, Prefix::host(address));
    }
    finish(set);
    return set;
}

IpSet Membership::ports(const resolve::PodMatch& match, const PortName& port, Family family) const {
    IpSet set;
    set.family = family;
    set.kind = SetKind::named_port;
    set.meaning = fmt::format("port {}/{} of {}", port.name, to_string(port.protocol),
                              resolve::to_string(resolve::SourceSet{match, {}}));
    set.name = set_name(family, set.kind, set.meaning);
    for (const Workload& workload : workloads_) {
        if (!selects(match, workload))
            continue;
        for (const Pod* pod : workload.pods)
            for (const NamedPort& declared : pod->ports)
                if (declared.name == port.name && declared.protocol == port.protocol)
                    for (const Address& address : pod->addresses)
                        if (address.family() == family)
                            set.members.push_back({Prefix::host(address), declared.protocol, declared.number});
    }
    finish(set);
    return set;
}

}  // namespace catflap::iptables
