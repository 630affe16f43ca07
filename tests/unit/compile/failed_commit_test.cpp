// SPDX-License-Identifier: Apache-2.0
// What a commit was told of changes counts until one succeeds: whoever tells it tells it once.
#include <doctest/doctest.h>

#include "support/executors/tables_executor.h"
#include "support/random/generator.h"

using namespace catflap;
using namespace catflap::test;

namespace {

const ObjectName kWeb = {"shop", "web"};
const ObjectName kClient = {"shop", "client"};

compile::Limits of_four_endpoints() {
    compile::Limits limits;
    limits.endpoints = 4;
    return limits;
}

// Web, whose policy admits app=client, is of this node; the client is of another one, and not yet called so. So much is
// retired that the next commit waits for packets first.
class Site {
  public:
    Site() {
        add_pod(kWeb, kLocalNode, "10.0.0.1");
        add_pod(kClient, "far", "10.0.9.1");
        Policy& policy = cluster.policies[{"shop", "web"}];
        policy.name = {"shop", "web"};
        policy.isolates_ingress = true;
        policy.ingress.emplace_back().peers.emplace_back().pods =
            Selector{{{"app", LabelRequirement::Operator::in, {"client"}}}};
        retire();
        REQUIRE_FALSE(is_admitted());
    }
    // Two pods that come and go leave so much behind.
    void retire(const std::vector<resolve::Frontend>& frontends = compile::kNoFrontends,
                const resolve::DepartedPods& departed = compile::kNoDepartedPods) {
        for (const char* name : {"x", "y"})
            add_pod({"shop", name}, kLocalNode, name[0] == 'x' ? "10.0.0.2" : "10.0.0.3");
        REQUIRE(node.load(cluster, frontends, departed));
        for (const char* name : {"x", "y"})
            cluster.pods.erase({"shop", name});
        REQUIRE(node.load(cluster, frontends, departed));
    }
    // Fails, and so is the next commit told of nothing.
    void fail_to_load(const std::vector<resolve::Frontend>& frontends = compile::kNoFrontends) {
        node.store().cannot_wait = true;
        const auto done = node.load(cluster, frontends);
        REQUIRE_FALSE(done);
        CHECK(done.error().message == "no grace period");
        CHECK_FALSE(node.committer().broken());
        node.store().cannot_wait = false;
    }
    [[nodiscard]] bool is_admitted() const {
        const auto verdict = node.judge({kWeb, oracle::Direction::ingress, parse_address("10.0.9.1").value(), 6, 80});
        return verdict && verdict->kind == Verdict::Kind::allow;
    }

    Cluster cluster;
    SimulatedNode node{of_four_endpoints()};

  private:
    void add_pod(const ObjectName& name, const std::string& on, const char* address) {
        Pod& pod = cluster.pods[name];
        pod.name = name;
        pod.node = on;
        pod.addresses = {parse_address(address).value()};
    }
};

}  // namespace

TEST_CASE("a pod's new labels that a failed commit was told of are in force with the next one") {
    Site site;
    site.cluster.pods[kClient].labels.set("app", "client");
    site.fail_to_load();
    CHECK_FALSE(site.is_admitted());
    REQUIRE(site.node.load(site.cluster));
    CHECK_FALSE(site.node.report().anew);  // it went on from the state before
    CHECK(site.is_admitted());
}

TEST_CASE("so are rules that a failed commit was told to be others") {
    Site site;
    site.cluster.policies.clear();
    site.fail_to_load();
    CHECK_FALSE(site.is_admitted());
    REQUIRE(site.node.load(site.cluster));
    CHECK_FALSE(site.node.report().anew);
    CHECK(site.is_admitted());
}

TEST_CASE("a Service's backend whose pod was forgotten with a failed commit is no pod's any more with the next one") {
    Site site;
    Policy& policy = site.cluster.policies[{"shop", "web"}];
    policy.isolates_egress = true;
    policy.egress = policy.ingress;
    site.cluster.pods[kClient].labels.set("app", "client");
    const Address service = parse_address("10.96.0.1").value();
    const Address backend = parse_address("10.0.9.1").value();
    const std::vector<resolve::Frontend> leads = {
        {"shop/db IPv4", {service}, {{Protocol::tcp, 80, {{backend, 8080}}}}}};
    const std::vector<resolve::Frontend> leads_nowhere = {{"shop/db IPv4", {service}, {{Protocol::tcp, 80, {}}}}};
    const auto passes = [&] {
        const auto verdict = site.node.judge({kWeb, oracle::Direction::egress, service, 6, 80});
        return verdict && verdict->kind == Verdict::Kind::allow;
    };
    REQUIRE(site.node.load(site.cluster, leads));
    REQUIRE(passes());
    const resolve::DepartedPods departed = {{backend, site.cluster.pods[kClient]}};
    site.cluster.pods.erase(kClient);
    REQUIRE(site.node.load(site.cluster, leads, departed));
    REQUIRE(passes());
    site.retire(leads, departed);
    REQUIRE(passes());
    site.fail_to_load(leads_nowhere);
    CHECK(passes());  // as before
    REQUIRE(site.node.load(site.cluster, leads));
    CHECK_FALSE(site.node.report().anew);
    CHECK_FALSE(passes());
}
