// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "support/executors/tables_executor.h"

using namespace catflap;
using namespace catflap::test;

namespace {

const ObjectName kWeb{"a", "web"};

Pod pod(const std::string& name, const std::string& address, const char* node) {
    Pod result;
    result.name = {"a", name};
    result.node = node;
    result.labels = {{"app", name}};
    result.addresses = {parse_address(address).value()};
    return result;
}

// Each policy admits its own pods, its own block and its own port.
Policy policy(uint32_t i) {
    Policy result;
    result.name = {"a", fmt::format("p{}", i)};
    result.isolates_ingress = true;
    PolicyRule& rule = result.ingress.emplace_back();
    const auto app = LabelRequirement{"app", LabelRequirement::Operator::in, {fmt::format("client{}", i)}};
    rule.peers.emplace_back().pods = Selector{{app}};
    const auto block = parse_prefix(fmt::format("11.{}.{}.0/24", i / 250, i % 250)).value().prefix;
    rule.peers.emplace_back().ip_block = IpBlock{block, {}};
    rule.ports.emplace_back().port = static_cast<uint16_t>(1000 + i);
    return result;
}

Cluster cluster_with(uint32_t policies) {
    Cluster cluster;
    cluster.pods[kWeb] = pod("web", "10.0.0.1", kLocalNode.c_str());
    for (uint32_t i = 0; i < policies; ++i) {
        const std::string name = fmt::format("client{}", i);
        cluster.pods[{"a", name}] = pod(name, fmt::format("10.1.{}.{}", i / 250, i % 250), "n2");
        cluster.policies[{"a", fmt::format("p{}", i)}] = policy(i);
    }
    return cluster;
}

size_t lookups(const SimulatedNode& node, const char* remote, uint16_t port, bool allowed) {
    const size_t before = node.store().lookups();
    const auto verdict = node.judge({kWeb, oracle::Direction::ingress, parse_address(remote).value(), 6, port});
    CHECK(verdict.value_or(Verdict{}).kind == (allowed ? Verdict::Kind::allow : Verdict::Kind::drop));
    return node.store().lookups() - before;
}

}  // namespace

TEST_CASE("a packet costs as many lookups with 1,000 policies as with one") {
    SimulatedNode one;
    SimulatedNode thousand;
    REQUIRE(one.load(cluster_with(1)));
    REQUIRE(thousand.load(cluster_with(1000)));
    CHECK(lookups(one, "10.1.0.0", 1000, true) == lookups(thousand, "10.1.0.0", 1000, true));
    CHECK(lookups(one, "11.0.0.9", 1000, true) == lookups(thousand, "11.0.0.9", 1000, true));
    CHECK(lookups(one, "10.1.0.0", 999, false) == lookups(thousand, "10.1.0.0", 999, false));
    CHECK(lookups(one, "192.0.2.1", 1000, false) == lookups(thousand, "192.0.2.1", 1000, false));
    CHECK(lookups(thousand, "10.1.3.249", 1999, true) == lookups(thousand, "10.1.0.0", 1000, true));
    CHECK(lookups(thousand, "10.1.3.249", 1998, false) <= 8);
}
