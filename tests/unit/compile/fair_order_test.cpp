// SPDX-License-Identifier: Apache-2.0
// Whoever takes much of any limit comes behind those who take little, be he the oldest.
#include "compile/admission/fair_order.h"

#include <doctest/doctest.h>

#include <functional>

using namespace catflap;
using compile::Limits;

namespace {

const ObjectName kLarge = {"a", "large"};

Policy& add_policy(Cluster& cluster, const ObjectName& name, const std::string& created) {
    Policy& policy = cluster.policies[name];
    policy.name = name;
    policy.isolates_ingress = true;
    policy.created = created;
    policy.ingress.emplace_back();
    return policy;
}

// Of one policy that is large, the oldest, and of five modest ones of another namespace: one rule, one port.
std::vector<ObjectName> order_with(const std::function<void(Policy&)>& grow, const Limits& limits = {}) {
    Cluster cluster;
    for (int i = 0; i < 1000; ++i) {
        Pod& pod = cluster.pods[{"a", fmt::format("pod-{}", i)}];
        pod.labels = {{"app", "web"}, {"name", fmt::format("pod-{}", i)}};
        pod.addresses = {parse_address(fmt::format("10.0.{}.{}", i / 250, i % 250)).value()};
    }
    grow(add_policy(cluster, kLarge, "2019-01-01T00:00:00Z"));
    for (int i = 0; i < 5; ++i)
        add_policy(cluster, {"b", fmt::format("modest-{}", i)}, fmt::format("202{}-01-01T00:00:00Z", i))
            .ingress[0]
            .ports.push_back({Protocol::tcp, uint16_t{80}, {}});
    std::vector<ObjectName> names;
    for (const auto& [name, policy] : cluster.policies)
        names.push_back(name);
    return compile::in_fair_order(cluster, names, limits);
}

void select(Policy& policy, const std::string& label) {
    policy.ingress[0].peers.emplace_back().pods = Selector{{{label, LabelRequirement::Operator::exists, {}}}};
}

}  // namespace

TEST_CASE("a policy as modest as the others comes first where it is the oldest") {
    CHECK(order_with([](Policy&) {}).front() == kLarge);
    CHECK(order_with([](Policy& policy) { select(policy, "app"); }).front() == kLarge);
}

TEST_CASE("a policy of many rules, ports, prefixes, or labels to tell apart comes behind all modest ones") {
    const auto many_rules = [](Policy& policy) { policy.ingress.resize(1000); };
    CHECK(order_with(many_rules).back() == kLarge);
    CHECK(order_with([](Policy& policy) {
              for (uint16_t port = 1; port <= 1000; ++port)
                  policy.ingress[0].ports.push_back({Protocol::tcp, port, {}});
          }).back() == kLarge);
    CHECK(order_with([](Policy& policy) {
              for (int i = 0; i < 1000; ++i)
                  policy.ingress[0].peers.emplace_back().ip_block =
                      IpBlock{parse_prefix(fmt::format("10.{}.{}.0/24", i / 250, i % 250)).value().prefix, {}};
          }).back() == kLarge);
    CHECK(order_with([](Policy& policy) { select(policy, "name"); }).back() == kLarge);
}

TEST_CASE("so does one whose rules take much of the agent's memory") {
    Limits limits;
    limits.mask_bytes = 100;
    const auto ten_rules = [](Policy& policy) { policy.ingress.resize(10); };
    CHECK(order_with(ten_rules).front() == kLarge);
    CHECK(order_with(ten_rules, limits).back() == kLarge);
}
