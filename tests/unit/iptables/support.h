// SPDX-License-Identifier: Apache-2.0
// A small cluster for the chains, and the chains as lines of text.
#pragma once

#include <doctest/doctest.h>

#include "iptables/render/chains.h"

namespace catflap::iptables::test {

inline Prefix prefix(const char* text) {
    return parse_prefix(text).value().prefix;
}

inline Selector app(const char* value) {
    return {{{"app", LabelRequirement::Operator::in, {value}}}};
}

inline PolicyPeer peer(const char* app_label) {
    return {app(app_label), {}, {}};
}

inline PolicyPeer block(const char* cidr, std::vector<Prefix> except = {}) {
    return {{}, {}, IpBlock{prefix(cidr), std::move(except)}};
}

inline PolicyPort number(uint16_t port, Protocol protocol = Protocol::tcp) {
    return {protocol, port, {}};
}

inline PolicyPort named(const char* name, Protocol protocol = Protocol::tcp) {
    return {protocol, std::string(name), {}};
}

// a/web (10.0.0.1, fd00::1; http=80/TCP) and a/db (10.0.0.2; http=8080/TCP, dns=53/UDP), labelled app=NAME.
inline Cluster small_cluster() {
    Cluster cluster;
    const auto add = [&](const char* name, std::vector<const char*> addresses, std::vector<NamedPort> ports) {
        Pod pod;
        pod.name = {"a", name};
        pod.node = "n1";
        pod.labels = {{"app", name}};
        for (const char* address : addresses)
            pod.addresses.push_back(parse_address(address).value());
        pod.ports = std::move(ports);
        cluster.pods[pod.name] = pod;
    };
    add("web", {"10.0.0.1", "fd00::1"}, {{"http", Protocol::tcp, 80}});
    add("db", {"10.0.0.2"}, {{"http", Protocol::tcp, 8080}, {"dns", Protocol::udp, 53}});
    return cluster;
}

// The policy a/p, which selects a/web.
inline Policy ingress_policy(std::vector<PolicyRule> rules) {
    return {{"a", "p"}, app("web"), true, false, std::move(rules), {}};
}
inline Policy egress_policy(std::vector<PolicyRule> rules) {
    return {{"a", "p"}, app("web"), false, true, {}, std::move(rules)};
}

struct Rendered {
    std::vector<std::string> rules;
    std::map<std::string, IpSet> sets;

    // The name of the set of this meaning.
    [[nodiscard]] std::string set(const std::string& meaning) const {
        for (const auto& [name, set] : sets)
            if (set.meaning == meaning)
                return name;
        return "no set: " + meaning;
    }
    [[nodiscard]] std::vector<std::string> members(const std::string& meaning) const {
        std::vector<std::string> result;
        const IpSet& of = sets.at(set(meaning));
        for (const SetMember& member : of.members)
            result.push_back(to_string(member, of.kind));
        return result;
    }
};

inline std::vector<std::string> texts(const Chain& chain) {
    std::vector<std::string> result;
    for (const HashedRule& rule : chain.rules)
        result.push_back(rule.text);
    return result;
}

inline Rendered render_policy(const Policy& policy, Family family = Family::ipv4,
                              const Cluster& cluster = small_cluster()) {
    Rendered rendered;
    const Way& way = policy.isolates_ingress ? kToPod : kFromPod;
    rendered.rules = texts(policy_chain(way, family, policy, Membership(cluster), rendered.sets));
    return rendered;
}

inline const std::string kAccept = "-j MARK --set-xmark 0x10000/0x10000";
inline const std::string kReturn = "-m mark --mark 0x10000/0x10000 -j RETURN";

}  // namespace catflap::iptables::test
