// SPDX-License-Identifier: Apache-2.0
#include "support/table/truth_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "support/executors/executor.h"
#include "support/random/generator.h"
#include "support/table/table_text.h"

using namespace catflap;
using namespace catflap::test;

namespace {

const std::string kTable = R"(
cluster:
  namespaces: {a: {team: red}}
  pods:
    a/web: {labels: {app: web}, ip: 10.0.0.1, ip6: "fd00::1", ports: {http: [8080/TCP, 80/UDP]}}
    a/far: {ip: 10.0.0.9, node: n2}
cases:
- name: "one"
  policies:
    a/p: {podSelector: {}, ingress: [{ports: [{port: http}]}]}
  allowed:
  - a/far -> a/web 8080/TCP
  dropped:
  - a/web -> a/web icmp
  then:
  - name: "later"
    pods: {a/web: {ip: none}}
    dropped: ["fd00::9 -> a/web 1/SCTP"]
)";

std::string error_of(const std::string& from, const std::string& to) {
    std::string text = kTable;
    text.replace(text.find(from), from.size(), to);
    const auto cases = parse_cases(text, "t.yaml");
    return cases ? "" : cases.error().message;
}

// What the text does not keep, and no policy sees: the order of a pod's ports (it has one entry for
// each name), and rules of a direction that policyTypes does not name (the decoder drops them).
Cluster as_read(Cluster cluster) {
    for (auto& [name, pod] : cluster.pods)
        std::ranges::stable_sort(pod.ports, {}, &NamedPort::name);
    for (auto& [name, policy] : cluster.policies) {
        if (!policy.isolates_ingress)
            policy.ingress.clear();
        if (!policy.isolates_egress)
            policy.egress.clear();
    }
    return cluster;
}

// A packet that a row can name: at a pod of this node that has the remote's family.
std::optional<oracle::Hop> row_probe(Generator& generator, const Cluster& cluster) {
    for (int tries = 0; tries < 100; ++tries)
        if (const oracle::Hop hop = generator.probe(cluster); crosses_a_veth(cluster, hop))
            return hop;
    return {};
}

}  // namespace

TEST_CASE("a table is read: shorthand, rows in their families, hops on this node, later states") {
    const auto cases = parse_cases(kTable, "t.yaml");
    REQUIRE_MESSAGE(cases, error_of("one", "one"));
    REQUIRE(cases->size() == 1);
    const auto& steps = cases->front().steps;
    REQUIRE(steps.size() == 2);
    const Cluster& cluster = steps[0].cluster;
    CHECK(cluster.pods.at({"a", "web"}).ports.size() == 2);
    CHECK(cluster.pods.at({"a", "web"}).node == "n1");
    CHECK(cluster.policies.at({"a", "p"}).isolates_ingress);
    REQUIRE(steps[0].rows.size() == 3);
    CHECK(steps[0].rows[0].allowed);
    CHECK(steps[0].rows[0].line == 12);
    REQUIRE(steps[0].rows[0].hops.size() == 1);  // a/far is on another node
    CHECK(steps[0].rows[0].hops[0].direction == oracle::Direction::ingress);
    CHECK(steps[0].rows[1].hops.size() == 2);
    CHECK(steps[0].rows[1].hops[0].protocol == 1);
    CHECK(steps[0].rows[2].hops[0].protocol == 58);
    CHECK(steps[0].rows[2].again_in_ipv6);
    CHECK(steps[1].cluster.pods.at({"a", "web"}).addresses.size() == 1);
    CHECK(steps[1].cluster.pods.at({"a", "web"}).labels.size() == 1);
}

TEST_CASE("what a table cannot mean is an error that says where") {
    CHECK(error_of("a/far -> a/web 8080/TCP", "a/far > a/web 80/TCP").find("line 12") != std::string::npos);
    CHECK(error_of("a/far -> a/web 8080/TCP", "a/gone -> a/web 80/TCP").find("no pod a/gone") != std::string::npos);
    CHECK(error_of("a/far -> a/web 8080/TCP", "a/far -> a/web 80/tcp").find("80/tcp") != std::string::npos);
    CHECK(error_of("a/far -> a/web 8080/TCP", "a/far -> 8.8.8.8 80/TCP").find("no pod of n1") != std::string::npos);
    CHECK(error_of("dropped:\n  - a", "droped:\n  - a").find("droped") != std::string::npos);
    CHECK(error_of("node: n2", "nod: n2").find("nod") != std::string::npos);
    CHECK(error_of("port: http", "port: 70000").find("70000") != std::string::npos);
}

TEST_CASE("what is written is read back as the same: random clusters, changes and packets") {
    int tried = 0;
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        Generator generator(seed);
        std::vector<Cluster> states = {generator.cluster()};
        for (int i = 0; i < 2; ++i) {
            states.push_back(states.back());
            generator.mutate(states.back());
        }
        const auto hop = row_probe(generator, states.back());
        if (!hop)
            continue;
        ++tried;
        const std::string text = case_text("round trip", states, *hop, true);
        const auto cases = parse_cases(text, "t.yaml");
        REQUIRE_MESSAGE(cases, cases.error().message, "\n", text);
        const auto& steps = cases->front().steps;
        REQUIRE(steps.size() == 3);
        for (size_t i = 0; i < steps.size(); ++i)
            CHECK_MESSAGE(as_read(steps[i].cluster) == as_read(states[i]), text);
        REQUIRE(steps.back().rows.size() == 1);
        CHECK(steps.back().rows[0].hops == std::vector<oracle::Hop>{*hop});
    }
    CHECK(tried > 40);
}
