// SPDX-License-Identifier: Apache-2.0
// Policies of the cluster in resolved form: order, tiers, what an update touches.
#include "resolve/cluster_rules.h"

#include <doctest/doctest.h>

#include "resolve/order.h"
#include "resolve/resolver.h"

using namespace catflap;
using namespace catflap::resolve;

namespace {

const ObjectName kWeb{"a", "web"};
const ObjectName kOther{"a", "other"};

Cluster cluster_of_pods() {
    Cluster cluster;
    for (const ObjectName& name : {kWeb, kOther}) {
        Pod pod;
        pod.name = name;
        pod.labels = {{"app", name.name}};
        pod.addresses = {parse_address(name == kWeb ? "10.0.0.1" : "10.0.0.2").value()};
        cluster.pods[name] = pod;
    }
    return cluster;
}

ClusterRule rule(RuleAction action) {
    return {"", action, {PodSelection{}}, {}, false};
}

PolicyName cnp(const char* name) {
    return {PolicyKind::cluster_network_policy, name};
}

ClusterPolicy& add(Cluster& cluster, const PolicyName& name, ClusterTier tier, std::optional<uint32_t> priority,
                   RuleAction action = RuleAction::deny) {
    ClusterPolicy& policy = cluster.cluster_policies[name];
    policy.name = name;
    policy.tier = tier;
    policy.priority = priority;
    policy.ingress = {rule(action)};
    return policy;
}

const DirectionPolicy& ingress_of(const Resolver& resolver, const ObjectName& pod) {
    const Resolved& resolved = resolver.resolved();
    return *resolved.policies.at(resolved.endpoints.at(pod).at(1));
}

std::vector<std::string> tiers_of(const DirectionPolicy& policy) {
    std::vector<std::string> names;
    for (const Tier& tier : policy.tiers)
        names.push_back(tier.name);
    return names;
}

Changes changed(const PolicyName& name) {
    Changes changes;
    changes.cluster_policies = {name};
    return changes;
}

}  // namespace

TEST_CASE("order: priority, then the bytes of name/namespace/kind") {
    Cluster cluster;
    add(cluster, cnp("z"), ClusterTier::admin, 1);
    add(cluster, cnp("a"), ClusterTier::admin, 5);
    add(cluster, cnp("a-b"), ClusterTier::admin, 5);
    add(cluster, {PolicyKind::admin_network_policy, "a"}, ClusterTier::admin, 5);
    add(cluster, {PolicyKind::baseline_admin_network_policy, "default"}, ClusterTier::baseline, {});
    add(cluster, cnp("late"), ClusterTier::baseline, 1000);
    CHECK(in_order(cluster, ClusterTier::admin) ==
          std::vector<PolicyName>{cnp("z"), cnp("a-b"), {PolicyKind::admin_network_policy, "a"}, cnp("a")});
    CHECK(in_order(cluster, ClusterTier::baseline) ==
          std::vector<PolicyName>{cnp("late"), {PolicyKind::baseline_admin_network_policy, "default"}});
}

TEST_CASE("Baseline stands behind, but for pods that a NetworkPolicy isolates") {
    Cluster cluster = cluster_of_pods();
    add(cluster, cnp("first"), ClusterTier::admin, 1);
    add(cluster, cnp("last"), ClusterTier::baseline, 1);
    Policy policy;
    policy.name = {"a", "p"};
    policy.pods = {{{"app", LabelRequirement::Operator::in, {"web"}}}};
    policy.isolates_ingress = true;
    cluster.policies[policy.name] = policy;
    Resolver resolver;
    resolver.update(cluster, {kOther, kWeb}, Changes::all());
    CHECK(tiers_of(ingress_of(resolver, kWeb)) == std::vector<std::string>{kAdminTier, kDefaultTier});
    CHECK(tiers_of(ingress_of(resolver, kOther)) == std::vector<std::string>{kAdminTier, kBaselineTier});
    CHECK(ingress_of(resolver, kWeb).tiers[0].at_end == Action::pass);
    CHECK(ingress_of(resolver, kWeb).tiers[1].at_end == Action::deny);
    CHECK(ingress_of(resolver, kWeb).tiers[1].rules_end == 1);
    CHECK(ingress_of(resolver, kWeb).policies == std::vector<PolicyName>{cnp("first"), {"a", "p"}});
    // A direction without rules is not touched.
    const Resolved& resolved = resolver.resolved();
    CHECK(resolved.policies.at(resolved.endpoints.at(kWeb).at(0))->tiers.empty());
}

TEST_CASE("an update resolves what a policy of the cluster selects, and nothing else") {
    Cluster cluster = cluster_of_pods();
    add(cluster, cnp("one"), ClusterTier::admin, 1).subject.pods = {{{"app", LabelRequirement::Operator::in, {"web"}}}};
    Resolver resolver;
    const std::vector<ObjectName> pods = {kOther, kWeb};
    REQUIRE(resolver.update(cluster, pods, Changes::all()));
    const PolicyPointer other = resolver.resolved().policies.at(resolver.resolved().endpoints.at(kOther).at(1));
    CHECK_FALSE(resolver.update(cluster, pods, {}));

    cluster.cluster_policies.at(cnp("one")).ingress = {rule(RuleAction::accept)};
    CHECK(resolver.update(cluster, pods, changed(cnp("one"))));
    CHECK(ingress_of(resolver, kWeb).rules.at(0).action == Action::allow);
    CHECK(resolver.resolved().policies.at(resolver.resolved().endpoints.at(kOther).at(1)) == other);

    // The namespace's labels count for the subject.
    cluster.cluster_policies.at(cnp("one")).subject.namespaces = {{{"team", LabelRequirement::Operator::in, {"x"}}}};
    CHECK(resolver.update(cluster, pods, changed(cnp("one"))));
    CHECK(ingress_of(resolver, kWeb).tiers.empty());
    cluster.namespaces["a"] = {"a", {{"team", "x"}}};
    Changes of_namespace;
    of_namespace.namespaces = true;
    CHECK(resolver.update(cluster, pods, of_namespace));
    CHECK(ingress_of(resolver, kWeb).tiers.size() == 1);
}

TEST_CASE("nodes are addresses, and a node that comes is one more") {
    Cluster cluster = cluster_of_pods();
    ClusterPolicy& policy = add(cluster, cnp("one"), ClusterTier::admin, 1);
    policy.ingress.clear();
    policy.egress = {{"", RuleAction::deny, {NodeSelection{}}, {}, false}};
    Resolver resolver;
    resolver.update(cluster, {kWeb}, Changes::all());
    const auto rules = [&] {
        const Resolved& resolved = resolver.resolved();
        return resolved.policies.at(resolved.endpoints.at(kWeb).at(0))->rules;
    };
    // A cluster has Nodes: those that cannot be read are unknown, and fail closed.
    REQUIRE(rules().size() == 1);
    CHECK(rules()[0].any_peer);
    CHECK(rules()[0].action == Action::deny);
    cluster.nodes["n1"] = {"n1", {parse_address("192.0.2.1").value()}};
    Changes of_nodes;
    of_nodes.nodes = true;
    CHECK(resolver.update(cluster, {kWeb}, of_nodes));
    REQUIRE(rules().size() == 1);
    CHECK_FALSE(rules()[0].any_peer);
    const uint64_t hash = rules()[0].written_hash;
    cluster.nodes["n2"] = {"n2", {parse_address("192.0.2.2").value()}};
    CHECK(resolver.update(cluster, {kWeb}, of_nodes));
    CHECK(rules()[0].peers.at(0).blocks.size() == 2);
    CHECK(rules()[0].written_hash == hash);  // its counter goes on
}

TEST_CASE("a rule of unknown peers: Accept is left out, Deny and Pass deny everything") {
    for (const RuleAction action : {RuleAction::accept, RuleAction::deny, RuleAction::pass}) {
        Cluster cluster = cluster_of_pods();
        add(cluster, cnp("one"), ClusterTier::admin, 1).ingress = {{"", action, {}, {}, true}};
        Resolver resolver;
        resolver.update(cluster, {kWeb}, Changes::all());
        const DirectionPolicy& policy = ingress_of(resolver, kWeb);
        CHECK(policy.tiers.size() == 1);
        if (action == RuleAction::accept) {
            CHECK(policy.rules.empty());
            continue;
        }
        REQUIRE(policy.rules.size() == 1);
        CHECK(policy.rules[0].action == Action::deny);
        CHECK(policy.rules[0].any_peer);
        CHECK(policy.rules[0].any_port);
    }
}

TEST_CASE("ties: only of policies that govern one pod in one direction") {
    Cluster cluster = cluster_of_pods();
    add(cluster, cnp("a"), ClusterTier::admin, 5);
    add(cluster, cnp("b"), ClusterTier::admin, 5);
    add(cluster, cnp("c"), ClusterTier::baseline, 5);
    const auto found = ties(cluster, {kOther, kWeb});
    REQUIRE(found.size() == 1);
    CHECK(found[0] == Tie{cnp("a"), cnp("b"), Direction::ingress, kOther});
    cluster.cluster_policies.at(cnp("b")).subject.pods = {{{"app", LabelRequirement::Operator::in, {"web"}}}};
    CHECK(ties(cluster, {kOther}).empty());
    CHECK(ties(cluster, {kOther, kWeb}).at(0).pod == kWeb);
    cluster.cluster_policies.at(cnp("b")).priority = 6;
    CHECK(ties(cluster, {kOther, kWeb}).empty());
}

TEST_CASE("an engine of NetworkPolicy alone resolves none of them") {
    Cluster cluster = cluster_of_pods();
    add(cluster, cnp("a"), ClusterTier::admin, 5);
    Resolver resolver(/*with_cluster_policies=*/false);
    resolver.update(cluster, {kWeb}, Changes::all());
    CHECK(ingress_of(resolver, kWeb).tiers.empty());
}
