// SPDX-License-Identifier: Apache-2.0
// One rule of the documentation per case; the corners are in tests/table/rows.
#include "oracle/oracle.h"

#include <doctest/doctest.h>

using namespace catflap;
using oracle::Direction;
using oracle::judge;
using oracle::judge_connection;

namespace {

Address at(const char* text) {
    return parse_address(text).value();
}
Prefix cidr(const char* text) {
    return parse_prefix(text)->prefix;
}

Selector in(const char* key, std::vector<std::string> values) {
    return {{{key, LabelRequirement::Operator::in, std::move(values)}}};
}
Selector where(const char* key, LabelRequirement::Operator op, std::vector<std::string> values = {}) {
    return {{{key, op, std::move(values)}}};
}

PolicyPeer pods(Selector selector) {
    return {std::move(selector), {}, {}};
}
PolicyPeer namespaces(Selector selector) {
    return {{}, std::move(selector), {}};
}
PolicyPeer block(const char* within, std::vector<Prefix> except = {}) {
    return {{}, {}, IpBlock{cidr(within), std::move(except)}};
}

// a/web (10.0.0.1, http is 8080), a/client (10.0.0.2), b/client (10.0.1.2); b has the label
// team=blue.
Cluster small_cluster() {
    Cluster cluster;
    cluster.namespaces["a"] = {"a", {}};
    cluster.namespaces["b"] = {"b", {{"team", "blue"}}};
    const auto add = [&](const char* ns, const char* name, Labels labels, const char* address) {
        const ObjectName key{ns, name};
        cluster.pods[key] = {key, "", "n1", std::move(labels), "default", false, false, {at(address)}, {}};
    };
    add("a", "web", {{"app", "web"}}, "10.0.0.1");
    add("a", "client", {{"app", "client"}}, "10.0.0.2");
    add("b", "client", {{"app", "client"}}, "10.0.1.2");
    cluster.pods[{"a", "web"}].ports = {{"http", Protocol::tcp, 8080}};
    return cluster;
}

// The cluster with one policy a/p that isolates the ingress of all pods of a.
Cluster with_ingress(std::vector<PolicyRule> rules) {
    Cluster cluster = small_cluster();
    cluster.policies[{"a", "p"}] = {{"a", "p"}, {}, true, false, std::move(rules), {}};
    return cluster;
}

bool to_web(const Cluster& cluster, const char* from, uint16_t port = 80, uint8_t protocol = 6) {
    return judge(cluster, {{"a", "web"}, Direction::ingress, at(from), protocol, port}).allowed;
}

}  // namespace

TEST_CASE("a pod that no policy selects is open in both directions") {
    const Cluster cluster = small_cluster();
    CHECK(to_web(cluster, "10.0.1.2"));
    CHECK(judge(cluster, {{"a", "web"}, Direction::egress, at("8.8.8.8"), 17, 53}).allowed);
}

TEST_CASE("a policy isolates the directions that it names, in its own namespace") {
    const Cluster cluster = with_ingress({});
    CHECK_FALSE(to_web(cluster, "10.0.0.2"));
    CHECK(judge(cluster, {{"a", "web"}, Direction::egress, at("8.8.8.8"), 6, 80}).allowed);
    CHECK(judge(cluster, {{"b", "client"}, Direction::ingress, at("8.8.8.8"), 6, 80}).allowed);
}

TEST_CASE("a rule without peers and ports admits everyone and every protocol") {
    const Cluster cluster = with_ingress({{}});
    CHECK(to_web(cluster, "8.8.8.8"));
    CHECK(to_web(cluster, "8.8.8.8", 0, 1));
}

TEST_CASE("a pod selector alone means pods of the policy's namespace") {
    const Cluster cluster = with_ingress({{{pods(in("app", {"client"}))}, {}}});
    CHECK(to_web(cluster, "10.0.0.2"));
    CHECK_FALSE(to_web(cluster, "10.0.1.2"));
}

TEST_CASE("a namespace selector alone means every pod of those namespaces, and only pods") {
    const Cluster by_label = with_ingress({{{namespaces(in("team", {"blue"}))}, {}}});
    CHECK(to_web(by_label, "10.0.1.2"));
    CHECK_FALSE(to_web(by_label, "10.0.0.2"));
    CHECK_FALSE(to_web(by_label, "10.0.1.3"));
    Cluster by_name = with_ingress({{{namespaces(in("kubernetes.io/metadata.name", {"b"}))}, {}}});
    by_name.namespaces.clear();
    CHECK(to_web(by_name, "10.0.1.2"));
}

TEST_CASE("both selectors in one peer mean those pods in those namespaces") {
    const PolicyPeer both{in("app", {"client"}), in("team", {"blue"}), {}};
    CHECK(to_web(with_ingress({{{both}, {}}}), "10.0.1.2"));
    CHECK_FALSE(to_web(with_ingress({{{both}, {}}}), "10.0.0.2"));
}

TEST_CASE("NotIn and DoesNotExist match what lacks the key") {
    using Operator = LabelRequirement::Operator;
    CHECK(to_web(with_ingress({{{namespaces(where("team", Operator::not_in, {"red"}))}, {}}}), "10.0.0.2"));
    CHECK(to_web(with_ingress({{{namespaces(where("team", Operator::does_not_exist))}, {}}}), "10.0.0.2"));
    CHECK_FALSE(to_web(with_ingress({{{namespaces(where("team", Operator::does_not_exist))}, {}}}), "10.0.1.2"));
    CHECK_FALSE(to_web(with_ingress({{{namespaces(where("team", Operator::exists))}, {}}}), "10.0.0.2"));
}

TEST_CASE("an ipBlock goes by address, without its excepts, in its own family") {
    const Cluster cluster = with_ingress({{{block("10.0.0.0/16", {cidr("10.0.1.0/24")})}, {}}});
    CHECK(to_web(cluster, "10.0.0.2"));
    CHECK(to_web(cluster, "10.0.255.255"));
    CHECK_FALSE(to_web(cluster, "10.0.1.2"));
    CHECK_FALSE(to_web(cluster, "10.1.0.0"));
    CHECK_FALSE(to_web(with_ingress({{{block("0.0.0.0/0")}, {}}}), "fd00::1"));
    CHECK_FALSE(to_web(with_ingress({{{block("::/0")}, {}}}), "10.0.0.2"));
}

TEST_CASE("ports: protocol, number, range, all of a protocol; never ICMP") {
    const Cluster range = with_ingress({{{}, {{Protocol::tcp, uint16_t{80}, uint16_t{82}}}}});
    for (const uint16_t port : std::vector<uint16_t>{80, 81, 82})
        CHECK(to_web(range, "10.0.0.2", port));
    for (const uint16_t port : std::vector<uint16_t>{79, 83})
        CHECK_FALSE(to_web(range, "10.0.0.2", port));
    CHECK_FALSE(to_web(range, "10.0.0.2", 80, 17));
    const Cluster all_udp = with_ingress({{{}, {{Protocol::udp, {}, {}}}}});
    CHECK(to_web(all_udp, "10.0.0.2", 65535, 17));
    CHECK_FALSE(to_web(all_udp, "10.0.0.2", 0, 1));
}

TEST_CASE("a named port is the destination's") {
    const std::vector<PolicyPort> http = {{Protocol::tcp, "http", {}}};
    CHECK(to_web(with_ingress({{{}, http}}), "8.8.8.8", 8080));
    CHECK_FALSE(to_web(with_ingress({{{}, http}}), "8.8.8.8", 80));
    Cluster cluster = small_cluster();
    cluster.policies[{"a", "p"}] = {{"a", "p"}, {}, false, true, {}, {{{}, http}}};
    const auto from_client = [&](const char* to, uint16_t port) {
        return judge(cluster, {{"a", "client"}, Direction::egress, at(to), 6, port}).allowed;
    };
    CHECK(from_client("10.0.0.1", 8080));
    CHECK_FALSE(from_client("10.0.1.2", 8080));
    CHECK_FALSE(from_client("8.8.8.8", 8080));
}

TEST_CASE("pods on the node's network and finished pods are not subject, and no selector's") {
    Cluster cluster = with_ingress({{{pods({})}, {}}});
    CHECK(to_web(cluster, "10.0.0.2"));
    cluster.pods[{"a", "client"}].finished = true;
    CHECK_FALSE(to_web(cluster, "10.0.0.2"));
    cluster.pods[{"a", "client"}].finished = false;
    cluster.pods[{"a", "client"}].host_network = true;
    CHECK_FALSE(to_web(cluster, "10.0.0.2"));
    cluster.pods[{"a", "web"}].host_network = true;
    CHECK(to_web(cluster, "10.0.0.2"));
}

TEST_CASE("a pod without an address is isolated already") {
    Cluster cluster = with_ingress({});
    cluster.pods[{"a", "web"}].addresses.clear();
    CHECK_FALSE(to_web(cluster, "10.0.0.2"));
}

TEST_CASE("two pods that claim one address: either is meant") {
    Cluster cluster = with_ingress({{{namespaces(in("team", {"blue"}))}, {}}});
    CHECK_FALSE(to_web(cluster, "10.0.0.2"));
    cluster.pods[{"b", "client"}].addresses = {at("10.0.0.2")};
    CHECK(to_web(cluster, "10.0.0.2"));
}

TEST_CASE("a connection between two pods needs the sender's egress and the receiver's ingress") {
    Cluster cluster = small_cluster();
    const oracle::Packet packet{at("10.0.1.2"), at("10.0.0.1"), 6, 80};
    CHECK(judge_connection(cluster, packet).allowed);
    cluster.policies[{"b", "out"}] = {{"b", "out"}, {}, false, true, {}, {}};
    CHECK_FALSE(judge_connection(cluster, packet).allowed);
    cluster.policies[{"b", "out"}].egress = {{}};
    CHECK(judge_connection(cluster, packet).allowed);
    cluster.policies[{"a", "in"}] = {{"a", "in"}, {}, true, false, {}, {}};
    CHECK_FALSE(judge_connection(cluster, packet).allowed);
}

TEST_CASE("a pod cannot block access to itself; an unknown pod is dropped") {
    const Cluster cluster = with_ingress({});
    CHECK(to_web(cluster, "10.0.0.1"));
    CHECK_FALSE(judge(cluster, {{"a", "gone"}, Direction::ingress, at("10.0.0.2"), 6, 80}).allowed);
}

TEST_CASE("a decision names what isolates and what admits") {
    Cluster cluster = with_ingress({{{block("8.0.0.0/8")}, {}}, {{pods({})}, {}}});
    cluster.policies[{"a", "q"}] = {{"a", "q"}, {}, true, false, {{}}, {}};
    const auto decision = judge(cluster, {{"a", "web"}, Direction::ingress, at("10.0.0.2"), 6, 80});
    CHECK(decision.isolated_by == std::vector<PolicyName>{{"a", "p"}, {"a", "q"}});
    CHECK(decision.admitted_by ==
          std::vector<oracle::Admission>{{{"a", "p"}, Direction::ingress, 1}, {{"a", "q"}, Direction::ingress, 0}});
    CHECK(decision.why == "a/web ingress: admitted by a/p ingress[1]");
}
