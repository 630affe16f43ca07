// SPDX-License-Identifier: Apache-2.0
// Slots, generations and adoption: whose flows and counters an endpoint's are.
#include "compile/plan/endpoints.h"

#include <doctest/doctest.h>

#include "support/executors/tables_executor.h"

using namespace catflap;
using namespace catflap::test;
using compile::AdoptedSlot;
using compile::EndpointSpec;

namespace {

const ObjectName kWeb{"a", "web"};
const ObjectName kOther{"b", "other"};
const ObjectName kClient{"a", "client"};

Pod pod(const ObjectName& name, const char* address, const char* node, const char* app) {
    Pod result;
    result.name = name;
    result.node = node;
    result.labels = {{"app", app}};
    result.addresses = {parse_address(address).value()};
    return result;
}

// a/web admits clients of its namespace; b/other is not isolated.
Cluster example() {
    Cluster cluster;
    cluster.pods[kWeb] = pod(kWeb, "10.0.0.1", "n1", "web");
    cluster.pods[kOther] = pod(kOther, "10.0.0.2", "n1", "other");
    cluster.pods[kClient] = pod(kClient, "10.0.1.1", "n2", "client");
    Policy& policy = cluster.policies[{"a", "p"}];
    policy.name = {"a", "p"};
    policy.isolates_ingress = true;
    policy.ingress.emplace_back().peers.emplace_back().pods =
        Selector{{{"app", LabelRequirement::Operator::in, {"client"}}}};
    return cluster;
}

bool admits(const SimulatedNode& node, const char* remote) {
    const auto verdict = node.judge({kWeb, oracle::Direction::ingress, parse_address(remote).value(), 6, 80});
    return verdict && verdict->kind == Verdict::Kind::allow;
}

uint32_t generation(const SimulatedNode& node, const ObjectName& pod) {
    return node.config_of(pod)->generation;
}

EndpointSpec spec_of(const Cluster& cluster, const ObjectName& name, uint32_t ifindex, std::string uid = "") {
    EndpointSpec spec;
    spec.ifindex = ifindex;
    spec.pod = name;
    spec.uid = std::move(uid);
    spec.addresses[0] = cluster.pods.at(name).addresses.at(0);
    return spec;
}

// A committer of its own for each agent; the pods' specs are given.
struct Agent {
    SimulatedStore store;
    compile::Committer committer{store};

    void commit(const Cluster& cluster, const std::vector<EndpointSpec>& endpoints) {
        std::vector<ObjectName> pods;
        for (const EndpointSpec& spec : endpoints)
            if (spec.pod)
                pods.push_back(*spec.pod);
        const auto resolved = resolve::resolve(cluster, pods);
        REQUIRE(committer.commit({cluster, resolved, endpoints}));
        CHECK(store.violations().empty());
    }
};

}  // namespace

TEST_CASE("a pod of a known workload touches nothing but its address") {
    SimulatedNode node;
    Cluster cluster = example();
    REQUIRE(node.load(cluster));
    const uint32_t before = generation(node, kOther);
    const uint32_t tables = node.config_of(kWeb)->tables[CATFLAP_TO_POD].rows_page;
    cluster.pods[{"a", "client2"}] = pod({"a", "client2"}, "10.0.1.2", "n2", "client");
    std::vector<std::string> stores;
    node.store().after_store = [&](const StoreEvent& event) {
        if (event.remote)
            stores.push_back(event.what);
    };
    REQUIRE(node.load(cluster));
    CHECK(admits(node, "10.0.1.2"));
    CHECK(generation(node, kOther) == before);
    CHECK(node.config_of(kWeb)->tables[CATFLAP_TO_POD].rows_page == tables);
    CHECK(stores.size() == 1);
}

TEST_CASE("nothing is stored where nothing changed") {
    SimulatedNode node;
    REQUIRE(node.load(example()));
    size_t stores = 0;
    node.store().after_store = [&](const StoreEvent&) { ++stores; };
    REQUIRE(node.load(example()));
    CHECK(stores == 0);
}

TEST_CASE("an address that changes sides bumps the generation of those who can tell") {
    SimulatedNode node;
    Cluster cluster = example();
    REQUIRE(node.load(cluster));
    const uint32_t web = generation(node, kWeb);
    const uint32_t other = generation(node, kOther);
    cluster.pods.at(kClient).labels = {{"app", "stranger"}};
    REQUIRE(node.load(cluster));
    CHECK_FALSE(admits(node, "10.0.1.1"));
    CHECK(generation(node, kWeb) > web);
    CHECK(generation(node, kOther) == other);
}

TEST_CASE("an address of a class that was never seen bumps the generation too") {
    SimulatedNode node;
    Cluster cluster = example();
    cluster.pods.erase(kClient);
    REQUIRE(node.load(cluster));
    const uint32_t web = generation(node, kWeb);
    cluster.pods[kClient] = example().pods.at(kClient);
    REQUIRE(node.load(cluster));
    CHECK(admits(node, "10.0.1.1"));
    CHECK(generation(node, kWeb) > web);
}

TEST_CASE("a pod on another veth is another endpoint, and its predecessor's flows are not its own") {
    const Cluster cluster = example();
    Agent agent;
    agent.commit(cluster, {spec_of(cluster, kWeb, 7)});
    const auto before = *agent.store.config_of(7);
    agent.commit(cluster, {});
    CHECK(agent.store.config_of(7) == nullptr);
    REQUIRE(agent.committer.collect());
    agent.commit(cluster, {spec_of(cluster, kWeb, 8)});
    const auto after = *agent.store.config_of(8);
    CHECK(after.slot == before.slot);  // free again after the grace period
    CHECK(after.first_generation > before.generation);
    CHECK(after.generation > after.first_generation);
}

TEST_CASE("a slot is nobody else's before the grace period ends") {
    const Cluster cluster = example();
    Agent agent;
    agent.commit(cluster, {spec_of(cluster, kWeb, 7)});
    const uint32_t slot = agent.store.config_of(7)->slot;
    agent.commit(cluster, {spec_of(cluster, kOther, 8)});
    CHECK(agent.store.config_of(8)->slot != slot);
}

TEST_CASE("on one veth: another uid is another pod; another address is the same pod with no old flows") {
    Cluster cluster = example();
    Agent agent;
    agent.commit(cluster, {spec_of(cluster, kWeb, 7, "one")});
    const auto first = *agent.store.config_of(7);
    agent.commit(cluster, {spec_of(cluster, kWeb, 7, "two")});
    const auto second = *agent.store.config_of(7);
    CHECK(second.slot != first.slot);
    CHECK(second.pod_identity[0] != first.pod_identity[0]);
    cluster.pods.at(kWeb).addresses = {parse_address("10.0.0.9").value()};
    agent.commit(cluster, {spec_of(cluster, kWeb, 7, "two")});
    const auto third = *agent.store.config_of(7);
    CHECK(third.slot == second.slot);
    CHECK(third.first_generation > second.generation);
}

TEST_CASE("a policy's change keeps the slot and the flows' beginning") {
    Cluster cluster = example();
    Agent agent;
    agent.commit(cluster, {spec_of(cluster, kWeb, 7)});
    const auto before = *agent.store.config_of(7);
    cluster.policies.clear();
    agent.commit(cluster, {spec_of(cluster, kWeb, 7)});
    const auto after = *agent.store.config_of(7);
    CHECK(after.slot == before.slot);
    CHECK(after.first_generation == before.first_generation);
    CHECK(after.generation > before.generation);
    CHECK(after.tables[CATFLAP_TO_POD].open == 1);
}

TEST_CASE("an interface without a place in the directory stays closed, and is named; the others go on") {
    Agent agent;
    Cluster cluster = example();
    std::vector<EndpointSpec> endpoints = {spec_of(cluster, kWeb, 1)};
    agent.commit(cluster, endpoints);
    agent.store.no_place_for = 2;
    endpoints.push_back(spec_of(cluster, kOther, 2));
    endpoints.push_back(spec_of(cluster, kOther, 3));
    endpoints.back().pod->name = "third";
    cluster.pods[*endpoints.back().pod] = pod(*endpoints.back().pod, "10.0.0.3", "n1", "other");
    for (size_t more = 0; more < 3; ++more) {  // what a commit leaves out costs the next ones nothing
        const auto resolved = resolve::resolve(cluster, {kOther, {"b", "third"}, kWeb});
        const auto report = agent.committer.commit({cluster, resolved, endpoints});
        REQUIRE(report);
        REQUIRE(report->without_place.size() == 1);
        CHECK(report->without_place.front().pod == kOther);
        CHECK(agent.store.config_of(2) == nullptr);
        CHECK(agent.store.config_of(3) != nullptr);
        REQUIRE(agent.committer.collect());
    }
    agent.store.no_place_for = 0;
    agent.commit(cluster, endpoints);
    CHECK(agent.store.config_of(2) != nullptr);
    CHECK(agent.store.config_of(2)->slot < 3);
}

TEST_CASE("an interface that gets another's index is closed until the next commit, and one that is met again is not") {
    Agent agent;
    Cluster cluster = example();
    std::vector<EndpointSpec> endpoints = {spec_of(cluster, kOther, 4)};
    endpoints[0].interface = "cali1";
    agent.commit(cluster, endpoints);
    const auto passes = [&] {
        const auto verdict =
            agent.store.judge(4, resolve::Direction::ingress, parse_address("10.0.9.9").value(), 6, 80);
        return verdict && verdict->kind == Verdict::Kind::allow;
    };
    REQUIRE(agent.committer.withdraw_if_another(4, "cali1"));
    REQUIRE(agent.committer.withdraw_if_another(5, "cali2"));
    CHECK(passes());
    REQUIRE(agent.committer.withdraw_if_another(4, "cali2"));
    CHECK_FALSE(passes());
    endpoints[0].interface = "cali2";
    agent.commit(cluster, endpoints);
    CHECK(passes());
    endpoints[0] = spec_of(cluster, kWeb, 4);
    endpoints[0].interface = "cali3";
    agent.commit(cluster, endpoints);
    CHECK_FALSE(passes());
}

TEST_CASE("interfaces without a pod take nothing, however many there are") {
    const Cluster cluster = example();
    Agent agent;
    std::vector<EndpointSpec> endpoints(CATFLAP_MAX_ENDPOINTS + 100);
    for (uint32_t i = 0; i < endpoints.size(); ++i)
        endpoints[i].ifindex = i + 1;
    endpoints.push_back(spec_of(cluster, kWeb, 9999));
    agent.commit(cluster, endpoints);
    CHECK(agent.store.config_of(9999) != nullptr);
    endpoints.pop_back();
    agent.commit(cluster, endpoints);
    CHECK(agent.store.config_of(9999) == nullptr);
}

TEST_CASE("a veth without a pod drops, until the pod is known") {
    const Cluster cluster = example();
    Agent agent;
    EndpointSpec empty;
    empty.ifindex = 7;
    agent.commit(cluster, {empty});
    const Address client = parse_address("10.0.1.1").value();
    CHECK_FALSE(agent.store.judge(7, resolve::Direction::ingress, client, 6, 80));
    agent.commit(cluster, {spec_of(cluster, kWeb, 7)});
    CHECK(agent.store.judge(7, resolve::Direction::ingress, client, 6, 80)->kind == Verdict::Kind::allow);
    agent.commit(cluster, {empty});
    CHECK_FALSE(agent.store.judge(7, resolve::Direction::ingress, client, 6, 80));
}

TEST_CASE("the next agent gives the same pod its slot and flows back, and another pod neither") {
    const Cluster cluster = example();
    const EndpointSpec web = spec_of(cluster, kWeb, 7, "one");
    const auto adopt = [&](Agent& agent) {
        agent.committer.adopt_generation(5, 40);
        agent.committer.adopt_slot(7, {compile::pod_identity(web), web.addresses, 5, 30});
    };
    Agent same;
    adopt(same);
    same.commit(cluster, {web});
    CHECK(same.store.config_of(7)->slot == 5);
    CHECK(same.store.config_of(7)->first_generation == 30);
    CHECK(same.store.config_of(7)->generation == 41);

    Agent other;
    adopt(other);
    other.commit(cluster, {spec_of(cluster, kWeb, 7, "two")});
    CHECK(other.store.config_of(7)->slot != 5);

    Agent moved;
    adopt(moved);
    EndpointSpec elsewhere = web;
    elsewhere.addresses[0] = parse_address("10.0.0.77").value();
    moved.commit(cluster, {elsewhere});
    CHECK(moved.store.config_of(7)->slot == 5);
    CHECK(moved.store.config_of(7)->first_generation > 40);
}

TEST_CASE("a slot that nobody claims in the first commit is free after the grace period") {
    const Cluster cluster = example();
    Agent agent;
    agent.committer.adopt_generation(0, 40);
    agent.committer.adopt_slot(7, {{1, 2}, {}, 0, 30});
    agent.commit(cluster, {spec_of(cluster, kWeb, 8)});
    CHECK(agent.store.config_of(8)->slot == 1);
    REQUIRE(agent.committer.collect());
    agent.commit(cluster, {spec_of(cluster, kWeb, 8), spec_of(cluster, kOther, 9)});
    CHECK(agent.store.config_of(9)->slot == 0);
    CHECK(agent.store.config_of(9)->first_generation > 40);
}
