// SPDX-License-Identifier: Apache-2.0
#include "resolve/resolve.h"

#include <doctest/doctest.h>

using namespace catflap;
using namespace catflap::resolve;

namespace {

const ObjectName kWeb{"a", "web"};
const ObjectName kOther{"a", "other"};

Prefix prefix(const char* text) {
    return parse_prefix(text).value().prefix;
}

Selector app(const char* value) {
    return {{{"app", LabelRequirement::Operator::in, {value}}}};
}

PolicyPeer block(const char* cidr, std::vector<Prefix> except = {}) {
    return {{}, {}, IpBlock{prefix(cidr), std::move(except)}};
}

Cluster cluster_with(Policy policy) {
    Cluster cluster;
    for (const ObjectName& name : {kWeb, kOther}) {
        Pod pod;
        pod.name = name;
        pod.labels = {{"app", name.name}};
        pod.addresses = {parse_address(name == kWeb ? "10.0.0.1" : "10.0.0.2").value()};
        cluster.pods[name] = pod;
    }
    cluster.policies[policy.name] = std::move(policy);
    return cluster;
}

Policy policy_of(std::vector<PolicyRule> ingress, std::vector<PolicyRule> egress = {}) {
    return {{"a", "p"}, {}, !ingress.empty(), !egress.empty(), std::move(ingress), std::move(egress)};
}

const DirectionPolicy& direction_of(const Resolved& resolved, const ObjectName& pod, Direction direction) {
    return *resolved.policies.at(resolved.endpoints.at(pod).at(static_cast<size_t>(direction)));
}

std::vector<Rule> rules_of(const Cluster& cluster, Direction direction) {
    return direction_of(resolve::resolve(cluster, {kWeb}), kWeb, direction).rules;
}

}  // namespace

TEST_CASE("pods with the same policies share one value, for each direction") {
    Cluster cluster = cluster_with(policy_of({{}}));
    const Resolved shared = resolve::resolve(cluster, {kWeb, kOther});
    CHECK(shared.endpoints.at(kWeb) == shared.endpoints.at(kOther));
    CHECK(shared.policies.size() == 2);

    cluster.policies.at({"a", "p"}).pods = app("web");
    const Resolved apart = resolve::resolve(cluster, {kWeb, kOther});
    CHECK(direction_of(apart, kOther, Direction::ingress).policies.empty());
    CHECK(direction_of(apart, kWeb, Direction::ingress).policies == std::vector<PolicyName>{{"a", "p"}});
    CHECK(apart.endpoints.at(kWeb)[0] == apart.endpoints.at(kOther)[0]);  // nothing isolates their egress
}

TEST_CASE("all ipBlocks of a rule are one set, each selector one of its own") {
    const PolicyPeer pods{app("web"), {}, {}};
    const auto rules =
        rules_of(cluster_with(policy_of({{{block("10.0.0.0/8"), pods, block("fd00::/8")}, {}}})), Direction::ingress);
    REQUIRE(rules.size() == 1);
    REQUIRE(rules[0].peers.size() == 2);
    CHECK(rules[0].peers[0].blocks.size() == 2);
    CHECK(rules[0].peers[1].pods->ns == "a");
}

TEST_CASE("the order in which peers are written makes no difference") {
    const auto one =
        rules_of(cluster_with(policy_of({{{block("10.0.0.0/8"), block("fd00::/8")}, {}}})), Direction::ingress);
    const auto other =
        rules_of(cluster_with(policy_of({{{block("fd00::/8"), block("10.0.0.0/8")}, {}}})), Direction::ingress);
    CHECK(one == other);
}

TEST_CASE("an except inside another except of its block is left out") {
    const auto rules = rules_of(
        cluster_with(policy_of(
            {{{block("10.0.0.0/8", {prefix("10.1.0.0/16"), prefix("10.1.2.0/24"), prefix("10.2.0.0/16")})}, {}}})),
        Direction::ingress);
    CHECK(rules.at(0).peers.at(0).blocks.at(0).except == std::vector{prefix("10.1.0.0/16"), prefix("10.2.0.0/16")});
}

TEST_CASE("an ingress rule's port name is the pod's own, every number that it has there") {
    Cluster cluster = cluster_with(policy_of({{{}, {{Protocol::tcp, std::string("http"), {}}}}}));
    CHECK(rules_of(cluster, Direction::ingress).empty());  // the name matches nothing
    cluster.pods.at(kOther).ports = {{"http", Protocol::tcp, 1}};
    CHECK(rules_of(cluster, Direction::ingress).empty());

    cluster.pods.at(kWeb).ports = {
        {"http", Protocol::tcp, 80}, {"http", Protocol::tcp, 81}, {"http", Protocol::udp, 82}};
    const auto rules = rules_of(cluster, Direction::ingress);
    REQUIRE(rules.size() == 1);
    CHECK(rules[0].any_peer);
    CHECK(rules[0].ports == std::vector<PortRange>{{Protocol::tcp, 80, 80}, {Protocol::tcp, 81, 81}});
}

TEST_CASE("an egress rule's port name is a rule for each number, for the peers that declare it") {
    Cluster cluster = cluster_with(
        policy_of({}, {{{}, {{Protocol::tcp, std::string("http"), {}}, {Protocol::tcp, uint16_t{443}, {}}}}}));
    cluster.pods.at(kWeb).ports = {{"http", Protocol::tcp, 80}};
    cluster.pods.at(kOther).ports = {{"http", Protocol::tcp, 8080}};
    const auto rules = rules_of(cluster, Direction::egress);
    REQUIRE(rules.size() == 3);
    for (const size_t i : {size_t{0}, size_t{1}}) {
        const NamedPort declared = rules[i].peers.at(0).pods->declares.value();
        CHECK(declared.name == "http");
        CHECK(rules[i].ports == std::vector<PortRange>{{Protocol::tcp, declared.number, declared.number}});
        CHECK_FALSE(rules[i].any_peer);
        CHECK(rules[i].index == rules[2].index);  // they count together
        CHECK(rules[i].written_hash == rules[2].written_hash);
    }
    CHECK(rules[2].any_peer);
    CHECK(rules[2].ports == std::vector<PortRange>{{Protocol::tcp, 443, 443}});
}

TEST_CASE("port names of pods that no policy sees are not looked at") {
    Cluster cluster = cluster_with(policy_of({}, {{{}, {{Protocol::tcp, std::string("http"), {}}}}}));
    cluster.pods.at(kOther).ports = {{"http", Protocol::tcp, 80}};
    cluster.pods.at(kOther).finished = true;
    CHECK(rules_of(cluster, Direction::egress).empty());
}

TEST_CASE("an edited rule is another one, an untouched one is not") {
    const auto hash = [](uint16_t port, std::optional<uint16_t> end) {
        return rules_of(cluster_with(policy_of({{{}, {{Protocol::tcp, port, end}}}})), Direction::ingress)
            .at(0)
            .written_hash;
    };
    CHECK(hash(80, {}) == hash(80, {}));
    CHECK(hash(80, {}) != hash(81, {}));
    CHECK(hash(80, {}) != hash(80, 90));
}

TEST_CASE("a port without a number is all of its protocol, no ports are all protocols") {
    const auto any = rules_of(cluster_with(policy_of({{{}, {{Protocol::udp, {}, {}}}}})), Direction::ingress).at(0);
    CHECK_FALSE(any.any_port);
    CHECK(any.ports == std::vector<PortRange>{{Protocol::udp, 0, 65535}});
    CHECK(rules_of(cluster_with(policy_of({{}})), Direction::ingress).at(0).any_port);
}
