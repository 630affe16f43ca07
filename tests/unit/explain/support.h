// SPDX-License-Identifier: Apache-2.0
// A small cluster, and questions about it.
#pragma once

#include <doctest/doctest.h>

#include "explain/explain.h"

namespace catflap::explain::test {

inline Address at(const char* text) {
    return parse_address(text).value();
}
inline Prefix cidr(const char* text) {
    return parse_prefix(text)->prefix;
}

inline Selector with(const char* key, std::vector<std::string> values) {
    return {{{key, LabelRequirement::Operator::in, std::move(values)}}};
}
inline Selector where(const char* key, LabelRequirement::Operator op, std::vector<std::string> values = {}) {
    return {{{key, op, std::move(values)}}};
}

inline PolicyPeer pods(Selector selector) {
    return {std::move(selector), {}, {}};
}
inline PolicyPeer namespaces(Selector selector) {
    return {{}, std::move(selector), {}};
}
inline PolicyPeer block(const char* within, std::vector<Prefix> except = {}) {
    return {{}, {}, IpBlock{cidr(within), std::move(except)}};
}

inline void add_pod(Cluster& cluster, const ObjectName& name, Labels labels, std::vector<Address> addresses) {
    Pod& pod = cluster.pods[name];
    pod.name = name;
    pod.node = "n1";
    pod.labels = std::move(labels);
    pod.addresses = std::move(addresses);
}

// shop/web (10.0.0.1, http is TCP 8080), shop/client (10.0.0.2), lab/client (10.0.1.2); lab has team=red. All on n1.
inline Cluster small_cluster() {
    Cluster cluster;
    cluster.namespaces["shop"] = {"shop", {}};
    cluster.namespaces["lab"] = {"lab", {{"team", "red"}}};
    cluster.nodes["n1"] = {"n1", {at("10.9.0.1")}};
    add_pod(cluster, {"shop", "web"}, {{"app", "web"}}, {at("10.0.0.1")});
    add_pod(cluster, {"shop", "client"}, {{"app", "client"}}, {at("10.0.0.2")});
    add_pod(cluster, {"lab", "client"}, {{"app", "client"}, {"old", ""}}, {at("10.0.1.2")});
    cluster.pods[{"shop", "web"}].ports = {{"http", Protocol::tcp, 8080}};
    return cluster;
}

// With one policy shop/p that isolates the ingress of shop/web.
inline Cluster with_ingress(std::vector<PolicyRule> rules) {
    Cluster cluster = small_cluster();
    cluster.policies[{"shop", "p"}] = {{"shop", "p"}, with("app", {"web"}), true, false, std::move(rules), {}};
    return cluster;
}

inline report::Explanation ask(const Cluster& cluster, const report::Question& question) {
    auto explanation = explain(cluster, question);
    REQUIRE_MESSAGE(explanation, explanation.error().message);
    return *explanation;
}

inline std::string refusal(const Cluster& cluster, const report::Question& question) {
    const auto explanation = explain(cluster, question);
    REQUIRE_FALSE(explanation);
    return explanation.error().message;
}

// "p[0]: reason", of the only miss at shop/web.
inline std::string miss(const Cluster& cluster, const std::string& from, const std::string& port = "8080/tcp") {
    const auto explanation = ask(cluster, {from, "shop/web", port});
    CHECK_FALSE(explanation.allowed);
    const report::EndVerdict& end = explanation.paths.at(0).ends.back();
    REQUIRE(end.misses.size() == 1);
    const report::Miss& one = end.misses[0];
    CHECK(one.policy == "shop/p");
    return (one.rule ? fmt::format("[{}]: ", *one.rule) : "") + one.reason;
}

}  // namespace catflap::explain::test
