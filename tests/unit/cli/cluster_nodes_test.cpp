// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster_nodes.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "unit/cli/fake_agent.h"

using namespace catflap;
using namespace catflap::cli;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const std::chrono::system_clock::time_point kNow{std::chrono::seconds(1'700'000'000)};

// Nodes n1 to n3 with the pods web (which the policy shop/web selects) and other on each, and n4, which is virtual.
Cluster a_cluster() {
    Cluster cluster;
    for (const std::string name : {"n1", "n2", "n3", "n4"}) {
        cluster.nodes[name] = {.name = name, .addresses = {}, .zone = {}, .is_virtual = name == "n4"};
        for (const std::string role : {"web", "other"}) {
            Pod pod;
            pod.name = {"shop", role + "-" + name};
            pod.node = name;
            pod.labels = {{"role", role}};
            cluster.pods[pod.name] = pod;
        }
    }
    Policy policy;
    policy.name = {"shop", "web"};
    policy.pods.requirements = {{"role", LabelRequirement::Operator::in, {"web"}}};
    cluster.policies[policy.name] = policy;
    return cluster;
}

source::Lease a_lease(const std::string& node, std::chrono::seconds age, const std::string& state = "enforcing") {
    return {.ns = "catflap-leases",
            .node = node,
            .version = "0.1.0",
            .mode = "ebpf",
            .state = state,
            .acquired_at = kNow - 1h,
            .renewed_at = kNow - age,
            .duration = 60s};
}

json status_of(const Cluster& cluster, std::vector<source::Lease> leases) {
    return to_json({.cluster = cluster,
                    .leases = std::move(leases),
                    .other_os = {},
                    .lease_namespace = "catflap-leases",
                    .now = kNow});
}

json node(const json& status, const std::string& name) {
    for (const json& one : status.at("nodes"))
        if (one.at("node") == name)
            return one;
    return {};
}

}  // namespace

TEST_CASE("all is well where each node that is due one has a living agent that enforces") {
    const json status = status_of(a_cluster(), {a_lease("n1", 5s), a_lease("n2", 60s), a_lease("n3", -5s)});
    CHECK(status.at("problems") == json::array());
    CHECK(status.at("counts") == json{{"nodes", 4}, {"enforcing", 3}, {"withoutAgent", 0}, {"unattended", 1}});
    const json n1 = node(status, "n1");
    CHECK(n1.at("state") == "enforcing");
    CHECK(n1.at("version") == "0.1.0");
    CHECK(n1.at("lastSeenSeconds") == 5);
    CHECK(n1.at("lastSeenAt") == "2023-11-14T22:13:15Z");
    CHECK(n1.at("pods") == 2);
    CHECK(n1.at("selectedPods") == 1);
    CHECK(n1.at("unattendedPods") == 0);
    CHECK(node(status, "n3").at("lastSeenSeconds") == 0);  // its clock is ahead of ours
    // No agent can live there: its pod is listed, and is no fault.
    CHECK(node(status, "n4").at("state") == "virtual");
    CHECK(node(status, "n4").at("agentDue") == false);
    CHECK(status.at("unattended")[0].at("pod") == "web-n4");
    CHECK(status.at("unattended")[0].at("policies") == json{"shop/web"});
}

TEST_CASE("a node whose agent is silent, one that never had any, and one that is not in order are named") {
    const json status = status_of(a_cluster(), {a_lease("n1", 61s), a_lease("n3", 1s, "source-stale,refused")});
    CHECK(node(status, "n1").at("state") == "silent");
    CHECK(node(status, "n1").at("mode") == "ebpf");
    CHECK(node(status, "n1").at("unattendedPods") == 1);
    CHECK(node(status, "n2").at("state") == "no agent");
    CHECK_FALSE(node(status, "n2").contains("lastSeenAt"));
    CHECK(node(status, "n3").at("state") == "source-stale,refused");
    CHECK(status.at("problems").size() == 3);
    CHECK(status.at("problems")[0].get<std::string>().starts_with("n1: its agent has been silent for 1m1s; "));
    CHECK(status.at("problems")[1].get<std::string>().starts_with("n2: no agent has told "));
    CHECK(status.at("problems")[2] == "n3: source-stale,refused; see catflap status --check there");
    CHECK(status.at("counts").at("withoutAgent") == 2);
    CHECK(status.at("unattended").size() == 3);
}

TEST_CASE("a Lease of a clock that is ahead does not prove life, for longer than it lasts") {
    const json status = status_of(a_cluster(), {a_lease("n1", -60s), a_lease("n2", -61s), a_lease("n3", 5s)});
    CHECK(node(status, "n1").at("alive") == true);
    CHECK(node(status, "n2").at("alive") == false);
    CHECK(node(status, "n2").at("state") == "clock ahead");
    REQUIRE(status.at("problems").size() == 1);
    CHECK(status.at("problems")[0].get<std::string>().starts_with("n2: its agent's Lease is dated 1m1s from now, "));
    CHECK(status.at("counts").at("withoutAgent") == 1);
}

TEST_CASE("where nobody holds a Lease that is said once, with what may be the reason") {
    const json status = status_of(a_cluster(), {});
    REQUIRE(status.at("problems").size() == 1);
    CHECK(status.at("problems")[0].get<std::string>().starts_with(
        "no agent holds a Lease in the namespace catflap-leases"));
    CHECK(status.at("unattended").size() == 4);
}

TEST_CASE("of two Leases for a node the newer one counts; an agent without a Node is told") {
    const json status =
        status_of(a_cluster(), {a_lease("n1", 5s), a_lease("n1", 500s), a_lease("n2", 500s), a_lease("n2", 5s),
                                a_lease("n3", 5s), a_lease("host-3", 5s), a_lease("long-gone", 5000s)});
    REQUIRE(status.at("problems").size() == 1);
    CHECK(status.at("problems")[0].get<std::string>().starts_with("an agent says that its node is host-3, "));
    CHECK(status.at("counts").at("enforcing") == 3);
}

TEST_CASE("pods that policies do not concern, or that run nowhere, are not counted; a Node may be missing") {
    Cluster cluster = a_cluster();
    cluster.nodes.erase("n3");
    cluster.pods[{"shop", "web-n1"}].host_network = true;
    cluster.pods[{"shop", "web-n2"}].finished = true;
    cluster.pods[{"shop", "other-n2"}].node = "";
    const json status = status_of(cluster, {a_lease("n1", 5s), a_lease("n2", 5s)});
    CHECK(status.at("problems") == json::array());
    CHECK(node(status, "n1").at("pods") == 1);
    CHECK(node(status, "n2").at("pods") == 0);
    CHECK(node(status, "n3").at("state") == "no Node");
    CHECK(node(status, "n3").at("unattendedPods") == 1);
}

TEST_CASE("a node that does not run Linux is due no agent") {
    const Cluster cluster = a_cluster();
    const json status = to_json({.cluster = cluster,
                                 .leases = {a_lease("n1", 5s), a_lease("n2", 5s)},
                                 .other_os = {{"n3", "windows"}},
                                 .lease_namespace = "catflap-leases",
                                 .now = kNow});
    CHECK(node(status, "n3").at("state") == "windows");
    CHECK(status.at("problems") == json::array());
}

TEST_CASE("status --cluster: options that belong together, and a cluster that cannot be asked") {
    using test::run_cli;
    CHECK(run_cli({"status", "--context", "x"}).exit_code == 2);
    CHECK(run_cli({"status", "--cluster", "--in-cluster", "--kubeconfig", "x"}).exit_code == 2);
    const auto run = run_cli({"status", "--cluster", "--kubeconfig", "/nowhere/config"});
    CHECK(run.exit_code == 3);
    CHECK(run.err == "catflap: --kubeconfig: read /nowhere/config: No such file or directory\n");
}
