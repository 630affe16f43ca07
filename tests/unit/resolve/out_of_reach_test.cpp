// SPDX-License-Identifier: Apache-2.0
#include "resolve/out_of_reach.h"

#include <doctest/doctest.h>

#include <random>

using namespace catflap;
using namespace catflap::resolve;

namespace {

Cluster shop() {
    Cluster cluster;
    cluster.nodes = {{"n1", {"n1", {}}}, {"n2", {"n2", {}}}, {"virtual", {"virtual", {}, "", true}}};
    const auto add = [&](const std::string& name, const std::string& node) {
        Pod pod;
        pod.name = {"shop", name};
        pod.node = node;
        pod.labels = {{"app", name}};
        cluster.pods[pod.name] = pod;
    };
    add("here", "n1");
    add("there", "n2");
    add("cloud", "virtual");
    add("stray", "n9");
    add("pending", "");
    add("host", "n1");
    add("host2", "n2");
    cluster.pods.at({"shop", "host"}).host_network = true;
    cluster.pods.at({"shop", "host2"}).host_network = true;
    Policy all;
    all.name = {"shop", "all"};
    cluster.policies[all.name] = all;
    return cluster;
}

std::vector<std::string> names(const OutOfReachPods& pods, const Cluster& cluster) {
    std::vector<std::string> result;
    for (const auto& pod : pods.list(cluster).pods)
        result.push_back(pod.pod.name);
    return result;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("pods on virtual nodes, on nodes that nobody knows, and on the host's network are out of reach") {
    const Cluster cluster = shop();
    const auto why = [&](const char* name) { return out_of_reach(cluster, cluster.pods.at({"shop", name})); };
    CHECK_FALSE(why("here"));
    CHECK_FALSE(why("there"));
    CHECK_FALSE(why("pending"));
    CHECK(why("cloud") == OutOfReach::virtual_node);
    CHECK(why("stray") == OutOfReach::unknown_node);
    CHECK(why("host") == OutOfReach::host_network);
    Pod finished = cluster.pods.at({"shop", "cloud"});
    finished.finished = true;
    CHECK_FALSE(out_of_reach(cluster, finished));
}

TEST_CASE("an agent tells of others' pods, and of its own node's host network") {
    const Cluster cluster = shop();
    OutOfReachPods pods("n1");
    pods.update(cluster, Changes::all());
    CHECK(names(pods, cluster) == Names{"cloud", "host", "stray"});
    CHECK(pods.list(cluster).pods[0].policies == std::vector<PolicyName>{{"shop", "all"}});
    CHECK(pods.list(cluster).pods[0].node == "virtual");
    // An agent that runs on a node without a Node object enforces there all the same.
    OutOfReachPods stray("n9");
    stray.update(cluster, Changes::all());
    CHECK(names(stray, cluster) == Names{"cloud"});
    OutOfReachPods everyone("");
    everyone.update(cluster, Changes::all());
    CHECK(names(everyone, cluster) == Names{"cloud", "host", "host2", "stray"});
}

TEST_CASE("only selected pods are told, by the policies that select them") {
    Cluster cluster = shop();
    cluster.policies.clear();
    Policy some;
    some.name = {"shop", "some"};
    some.pods.requirements = {{"app", LabelRequirement::Operator::in, {"cloud"}}};
    Policy elsewhere;
    elsewhere.name = {"zoo", "all"};
    cluster.policies = {{some.name, some}, {elsewhere.name, elsewhere}};
    OutOfReachPods pods("");
    pods.update(cluster, Changes::all());
    CHECK(names(pods, cluster) == Names{"cloud"});
}

TEST_CASE("changes are followed: pods, policies, nodes") {
    Cluster cluster = shop();
    OutOfReachPods pods("n1");
    pods.update(cluster, Changes::all());
    pods.update(cluster, Changes{});
    CHECK(names(pods, cluster) == Names{"cloud", "host", "stray"});

    Changes gone;
    gone.pods[{"shop", "cloud"}] = cluster.pods.at({"shop", "cloud"});
    cluster.pods.erase({"shop", "cloud"});
    pods.update(cluster, gone);
    CHECK(names(pods, cluster) == Names{"host", "stray"});

    Changes node;
    node.nodes = true;
    cluster.nodes["n9"] = {"n9", {}};
    pods.update(cluster, node);
    CHECK(names(pods, cluster) == Names{"host"});

    Changes other;
    other.pods[{"shop", "here"}] = cluster.pods.at({"shop", "here"});
    pods.update(cluster, other);
    CHECK(names(pods, cluster) == Names{"host"});

    Changes policy;
    policy.policies.insert({"shop", "all"});
    cluster.policies.clear();
    pods.update(cluster, policy);
    CHECK(pods.list(cluster).count == 0);
}

TEST_CASE("a pod that has gone since the last change was followed is not told") {
    Cluster cluster = shop();
    OutOfReachPods pods("n1");
    pods.update(cluster, Changes::all());
    cluster.pods.erase({"shop", "cloud"});
    CHECK(names(pods, cluster) == Names{"host", "stray"});
}

TEST_CASE("of very many the first are listed, and all are counted") {
    Cluster cluster = shop();
    for (int i = 0; i < 1000; ++i) {
        Pod pod = cluster.pods.at({"shop", "cloud"});
        pod.name.name = "cloud" + std::to_string(i);
        cluster.pods[pod.name] = pod;
    }
    OutOfReachPods pods("n1");
    pods.update(cluster, Changes::all());
    CHECK(pods.list(cluster).pods.size() == OutOfReachList::kMaxPods);
    CHECK(pods.list(cluster).count == 1003);
}

TEST_CASE("random changes: what is remembered of one list is what a new one would find") {
    std::mt19937 random(20261129);
    const auto below = [&](unsigned bound) { return random() % bound; };
    Cluster cluster = shop();
    OutOfReachPods pods("n1");
    pods.update(cluster, Changes::all());
    for (int round = 0; round < 500; ++round) {
        Changes changes;
        const ObjectName name{below(2) == 0 ? "shop" : "zoo", std::to_string(below(700))};
        if (below(4) != 0) {
            const auto [pod, added] = cluster.pods.try_emplace(name);
            changes.pods[name] = added ? std::nullopt : std::optional(pod->second);
            pod->second.name = name;
            pod->second.node = below(4) == 0 ? "n1" : "virtual";
            pod->second.labels = {{"app", std::to_string(below(4))}};
            if (below(8) == 0)
                cluster.pods.erase(pod);
        } else {
            const ObjectName policy{name.ns, std::to_string(below(3))};
            changes.policies.insert(policy);
            cluster.policies[policy].name = policy;
            cluster.policies[policy].pods.requirements = {
                {"app", LabelRequirement::Operator::in, {std::to_string(below(4))}}};
            if (below(3) == 0)
                cluster.policies.erase(policy);
        }
        pods.update(cluster, changes);
        if (below(3) == 0)
            continue;  // several changes come before it is asked
        OutOfReachPods anew("n1");
        anew.update(cluster, Changes::all());
        const OutOfReachList& now = pods.list(cluster);
        const OutOfReachList& expected = anew.list(cluster);
        REQUIRE(now.count == expected.count);
        REQUIRE(now.pods.size() == expected.pods.size());
        for (size_t i = 0; i < now.pods.size(); ++i) {
            REQUIRE(now.pods[i].pod == expected.pods[i].pod);
            REQUIRE(now.pods[i].node == expected.pods[i].node);
            REQUIRE(now.pods[i].policies == expected.pods[i].policies);
        }
    }
    CHECK(pods.list(cluster).count > 0);
}
