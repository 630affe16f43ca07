// SPDX-License-Identifier: Apache-2.0
// What is admitted where not everything fits: who is refused, by which name, and that it follows from the cluster
// alone.
#include "compile/admission/admission.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "compile/admission/admitted_cluster.h"
#include "compile/admission/fair_order.h"
#include "compile/admission/greedy.h"
#include "support/executors/tables_executor.h"
#include "support/random/generator.h"

using namespace catflap;
using namespace catflap::test;
using compile::Admission;
using compile::AdmittedCluster;
using compile::Limits;

namespace {

void add_pod(Cluster& cluster, const ObjectName& name, const char* address, Labels labels = {}) {
    Pod& pod = cluster.pods[name];
    pod.name = name;
    pod.node = kLocalNode;
    pod.labels = std::move(labels);
    pod.addresses = {parse_address(address).value()};
}

// Selects all pods of its namespace, and has so many rules of one port each.
Policy& add_policy(Cluster& cluster, const ObjectName& name, uint32_t ports = 1, std::string created = "") {
    Policy& policy = cluster.policies[name];
    policy.name = name;
    policy.isolates_ingress = true;
    policy.created = std::move(created);
    for (uint32_t port = 1; port <= ports; ++port)
        policy.ingress.emplace_back().ports.push_back({Protocol::tcp, static_cast<uint16_t>(port), {}});
    return policy;
}

resolve::ThisNode this_node(const Cluster& cluster) {
    resolve::ThisNode node{kLocalNode, {}, {}};
    for (const auto& [name, pod] : cluster.pods)
        if (pod.node == kLocalNode && is_policed(pod))
            node.pods.push_back(name);
    return node;
}

Admission admit(const Cluster& cluster, const Limits& limits = {}) {
    return compile::admit(cluster, this_node(cluster), limits);
}

Limits with(uint32_t Limits::*limit, uint32_t value) {
    Limits limits;
    limits.*limit = value;
    return limits;
}

bool admits(const SimulatedNode& node, const ObjectName& pod, const char* remote, uint16_t port) {
    const auto verdict = node.judge({pod, oracle::Direction::ingress, parse_address(remote).value(), 6, port});
    return verdict && verdict->kind == Verdict::Kind::allow;
}

}  // namespace

TEST_CASE("one huge policy is refused by name, its pods are isolated, and everything else is enforced") {
    Cluster cluster;
    add_pod(cluster, {"a", "web"}, "10.0.0.1");
    add_pod(cluster, {"b", "web"}, "10.0.0.2");
    add_policy(cluster, {"a", "huge"}, 32800);
    add_policy(cluster, {"a", "modest"}, 20);
    add_policy(cluster, {"b", "modest"}, 20);
    const Admission admission = admit(cluster);
    CHECK(admission.without_rules == std::set<PolicyName>{{"a", "huge"}});
    REQUIRE(admission.refusals.size() == 1);
    CHECK(compile::to_string(admission.refusals.front()) == "NetworkPolicy a/huge");
    CHECK(admission.refusals.front().reason.find("32800 rules") != std::string::npos);

    AdmittedCluster admitted;
    Changes changes = Changes::all();
    SimulatedNode node;
    REQUIRE(node.load(admitted.update(cluster, admission, changes)));
    CHECK(admits(node, {"a", "web"}, "10.9.9.9", 20));
    CHECK_FALSE(admits(node, {"a", "web"}, "10.9.9.9", 21));
    CHECK(admits(node, {"b", "web"}, "10.9.9.9", 20));
    cluster.policies.erase({"a", "modest"});
    CHECK(admit(cluster).without_rules.size() == 1);

    add_policy(cluster, {"a", "huge"}).ingress.resize(1000);
    CHECK(admit(cluster).complete());
}

TEST_CASE("a policy of the cluster that does not fit denies everything to its pods, and comes before namespaces' own") {
    Cluster cluster;
    add_pod(cluster, {"a", "web"}, "10.0.0.1");
    add_pod(cluster, {"b", "web"}, "10.0.0.2");
    add_policy(cluster, {"b", "modest"}, 20);
    const auto add_cluster_policy = [&](const char* name, const char* ns, uint16_t rules) {
        ClusterPolicy& policy = cluster.cluster_policies[{PolicyKind::cluster_network_policy, name}];
        policy.name = {PolicyKind::cluster_network_policy, name};
        policy.priority = 5;
        policy.subject.namespaces = {{{"kubernetes.io/metadata.name", LabelRequirement::Operator::in, {ns}}}};
        policy.ingress.clear();
        for (uint16_t port = 1; port <= rules; ++port)
            policy.ingress.push_back(
                {"", RuleAction::accept, {PodSelection{}}, {PortInterval{Protocol::tcp, port, port}}, false});
    };
    add_cluster_policy("huge", "a", 32800);
    add_cluster_policy("modest", "b", 10);
    const Admission admission = admit(cluster);
    CHECK(admission.without_rules == std::set<PolicyName>{{PolicyKind::cluster_network_policy, "huge"}});
    REQUIRE(admission.refusals.size() == 1);
    CHECK(compile::to_string(admission.refusals.front()) == "ClusterNetworkPolicy huge");
    CHECK(admission.refusals.front().reason.ends_with("everything is denied to its pods"));

    AdmittedCluster admitted;
    Changes changes = Changes::all();
    SimulatedNode node;
    REQUIRE(node.load(admitted.update(cluster, admission, changes)));
    CHECK_FALSE(admits(node, {"a", "web"}, "10.0.0.2", 20));
    CHECK_FALSE(admits(node, {"a", "web"}, "10.9.9.9", 20));
    CHECK(admits(node, {"b", "web"}, "10.9.9.9", 20));
    CHECK_FALSE(admits(node, {"b", "web"}, "10.9.9.9", 21));

    // It becomes smaller, and is enforced as it is written.
    add_cluster_policy("huge", "a", 1000);
    const Admission complete = admit(cluster);
    CHECK(complete.complete());
    Changes of_policy;
    of_policy.cluster_policies = {{PolicyKind::cluster_network_policy, "huge"}};
    REQUIRE(node.load(admitted.update(cluster, complete, of_policy)));
    CHECK(admits(node, {"a", "web"}, "10.9.9.9", 20));  // no rule matches, and nothing isolates
}

TEST_CASE("a namespace's thousands of policies do not push out another's, and the older ones of it stay") {
    Cluster cluster;
    for (int i = 0; i < 40; ++i) {
        const std::string created = fmt::format("2024-01-01T00:00:{:02}Z", 59 - i);
        add_policy(cluster, {"a", fmt::format("p{:02}", i)}, 10, created);
    }
    add_policy(cluster, {"a", "undated"}, 10);
    add_policy(cluster, {"z", "last"}, 10, "2025-01-01T00:00:00Z");
    add_pod(cluster, {"a", "web"}, "10.0.0.1");
    add_pod(cluster, {"z", "web"}, "10.0.0.2");
    const Admission admission = admit(cluster, with(&Limits::decisions, 120));
    CHECK_FALSE(admission.without_rules.contains({"z", "last"}));
    CHECK(admission.without_rules.contains({"a", "p00"}));
    CHECK_FALSE(admission.without_rules.contains({"a", "p39"}));
    CHECK(admission.without_rules.contains({"a", "undated"}));
    CHECK(admission.without_rules.size() == 41 - 10);
}

TEST_CASE("a policy that tells too many addresses apart is refused, and not the pods") {
    Cluster cluster;
    for (int i = 0; i < 60; ++i)
        add_pod(cluster, {"a", fmt::format("web-{}", i)}, fmt::format("10.0.0.{}", i + 1).c_str(),
                {{"app", "web"}, {"name", fmt::format("web-{}", i)}});
    Policy& splits = add_policy(cluster, {"a", "a-splits"});
    splits.ingress[0].peers.emplace_back().pods = Selector{{{"name", LabelRequirement::Operator::in, {"web-7"}}}};
    Policy& modest = add_policy(cluster, {"a", "modest"});
    modest.ingress[0].peers.emplace_back().pods = Selector{{{"app", LabelRequirement::Operator::in, {"web"}}}};
    const Admission admission = admit(cluster, with(&Limits::classes, 50));
    CHECK(admission.without_rules == std::set<PolicyName>{{"a", "a-splits"}});
    CHECK(admission.closed.empty());
    CHECK(admission.without_addresses.empty());
    CHECK(admission.refusals.front().reason.find("kinds of addresses") != std::string::npos);
}

TEST_CASE("each limit refuses the policy that goes beyond it") {
    Cluster cluster;
    add_pod(cluster, {"a", "web"}, "10.0.0.1");
    add_policy(cluster, {"a", "modest"});
    Policy& greedy = add_policy(cluster, {"a", "greedy"}, 100);
    for (int i = 0; i < 100; ++i)
        greedy.ingress[static_cast<size_t>(i)].peers.emplace_back().ip_block =
            IpBlock{parse_prefix(fmt::format("10.1.{}.0/24", i)).value().prefix, {}};
    CHECK(admit(cluster).complete());
    Limits masks;
    masks.mask_bytes = 1000;
    for (const Limits& limits :
         {with(&Limits::decisions, 50), with(&Limits::port_classes, 50), with(&Limits::prefixes, 50),
          with(&Limits::classes, 50), with(&Limits::pages, 8), with(&Limits::names, 50), masks})
        CHECK(admit(cluster, limits).without_rules == std::set<PolicyName>{{"a", "greedy"}});
}

TEST_CASE("more pods than endpoints: those beyond are closed by name; more addresses: no selector knows them") {
    Cluster cluster;
    for (int i = 0; i < 10; ++i)
        add_pod(cluster, {i == 9 ? "z" : "a", fmt::format("web-{}", i)}, fmt::format("10.0.0.{}", i + 1).c_str());
    CHECK(admit(cluster, with(&Limits::endpoints, 10)).complete());
    const Admission closed = admit(cluster, with(&Limits::endpoints, 8));
    CHECK(closed.closed == std::set<ObjectName>{{"a", "web-7"}, {"a", "web-8"}});
    CHECK(closed.refusals.size() == 2);
    const Admission stripped = admit(cluster, with(&Limits::addresses, 9));
    CHECK(stripped.without_addresses == std::set<ObjectName>{{"a", "web-8"}});
    CHECK(stripped.closed.empty());

    AdmittedCluster admitted;
    Changes changes = Changes::all();
    SimulatedNode node(with(&Limits::addresses, 9));
    REQUIRE(node.load(admitted.update(cluster, stripped, changes)));
}

TEST_CASE("where Services alone have too many addresses, no egress rule is in force") {
    Cluster cluster;
    add_pod(cluster, {"a", "web"}, "10.0.0.1");
    for (int i = 0; i < 10; ++i) {
        Service& service = cluster.services[{"a", fmt::format("s{}", i)}];
        service.name = {"a", fmt::format("s{}", i)};
        service.addresses = {parse_address(fmt::format("10.96.0.{}", i)).value()};
        service.ports = {{"", Protocol::tcp, 80, 0}};
    }
    Policy& policy = add_policy(cluster, {"a", "egress"});
    policy.isolates_egress = true;
    policy.egress = policy.ingress;
    add_policy(cluster, {"a", "ingress"});
    CHECK(admit(cluster, with(&Limits::addresses, 11)).complete());
    CHECK(admit(cluster, with(&Limits::addresses, 9)).without_rules == std::set<PolicyName>{{"a", "egress"}});
}

TEST_CASE("a greedy choice is the one that looks at each element in turn") {
    Random random(7);
    for (int round = 0; round < 200; ++round) {
        std::vector<uint64_t> sizes(random.between(0, 20));
        for (uint64_t& size : sizes)
            size = random.between(1, 30);
        const uint64_t room = random.between(0, 100);
        compile::Greedy greedy(sizes.size(), [&](const std::vector<bool>& chosen) -> Result<> {
            uint64_t sum = 0;
            for (size_t i = 0; i < sizes.size(); ++i)
                sum += chosen[i] ? sizes[i] : 0;
            if (sum > room)
                return fail("too much");
            return {};
        });
        greedy.run();
        uint64_t sum = 0;
        for (size_t i = 0; i < sizes.size(); ++i) {
            const bool fits = sum + sizes[i] <= room;
            sum += fits ? sizes[i] : 0;
            CHECK(greedy.chosen()[i] == fits);
            CHECK(greedy.reason(i).empty() == fits);
        }
    }
}

TEST_CASE("a fair order: namespaces by what they have so far, the older first within one") {
    const std::vector<compile::Candidate> candidates = {{{"a", "old"}, "2020-01-01T00:00:00Z", 1},
                                                        {{"a", "a"}, "2021-01-01T00:00:00Z", 1},
                                                        {{"a", "undated"}, "", 1},
                                                        {{"b", "huge"}, "2019-01-01T00:00:00Z", 9},
                                                        {{"b", "small"}, "2022-01-01T00:00:00Z", 1},
                                                        {{"c", "one"}, "", 2}};
    const std::vector<ObjectName> order = {{"a", "old"},     {"a", "a"},    {"c", "one"},
                                           {"a", "undated"}, {"b", "huge"}, {"b", "small"}};
    CHECK(compile::in_fair_order(candidates) == order);
    auto reversed = candidates;
    std::ranges::reverse(reversed);
    CHECK(compile::in_fair_order(reversed) == order);
}

namespace {

#ifdef CATFLAP_SANITIZED
constexpr uint64_t kSeeds = 10;
#else
constexpr uint64_t kSeeds = 50;
#endif

Limits tight(Random& random) {
    Limits limits;
    limits.classes = static_cast<uint32_t>(random.between(4, 14));
    limits.decisions = static_cast<uint32_t>(random.between(8, 20));
    limits.port_classes = static_cast<uint32_t>(random.between(4, 20));
    limits.prefixes = static_cast<uint32_t>(random.between(3, 20));
    limits.addresses = static_cast<uint32_t>(random.between(5, 30));
    limits.pages = static_cast<uint32_t>(random.between(12, 60));
    limits.endpoints = static_cast<uint32_t>(random.between(2, 10));
    return limits;
}

// As the agent does it: nobody asks while everything fits; once something does not, every change is looked at anew.
class TightNode {
  public:
    explicit TightNode(const Limits& limits) : limits_(limits), node_(std::make_unique<SimulatedNode>(limits)) {}

    void load(const Cluster& cluster) {
        Changes changes = last_ ? changes_between(*last_, cluster) : Changes::all();
        last_ = cluster;
        if (!admission_.complete())
            admission_ = admit(cluster, limits_);
        if (try_load(cluster, changes))
            return;
        REQUIRE(node_->collect());
        if (try_load(cluster, changes))
            return;
        admission_ = admit(cluster, limits_);
        if (try_load(cluster, changes))
            return;
        node_ = std::make_unique<SimulatedNode>(limits_);
        const auto loaded = try_load(cluster, changes);
        REQUIRE_MESSAGE(loaded, loaded.error().message);
    }

    const Admission& admission() const { return admission_; }
    const Cluster& enforced() const { return enforced_; }
    SimulatedNode& node() { return *node_; }

  private:
    Result<> try_load(const Cluster& cluster, Changes& changes) {
        enforced_ = admitted_.update(cluster, admission_, changes);
        changes = {};
        for (const ObjectName& pod : admission_.closed)
            enforced_.pods.at(pod).node = "elsewhere";
        auto done = node_->load(enforced_);
        if (!done)
            CHECK(done.error().code == compile::kDoesNotFit);
        return done;
    }

    Limits limits_;
    std::unique_ptr<SimulatedNode> node_;
    AdmittedCluster admitted_;
    Admission admission_;
    std::optional<Cluster> last_;
    Cluster enforced_;
};

}  // namespace

TEST_CASE("whatever the history: what is admitted follows from the cluster, and packets are judged by it") {
    size_t refused = 0;
    size_t complete = 0;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        Generator generator(seed);
        Random random(seed);
        const Limits limits = tight(random);
        TightNode node(limits);
        Cluster cluster = generator.cluster();
        for (int update = 0; update < 6; ++update) {
            node.load(cluster);
            const Admission fresh = admit(cluster, limits);
            CHECK_MESSAGE(node.admission().without_rules == fresh.without_rules, "seed ", seed);
            CHECK(node.admission().closed == fresh.closed);
            CHECK(node.admission().without_addresses == fresh.without_addresses);
            (fresh.complete() ? complete : refused) += 1;
            for (int i = 0; i < 20; ++i) {
                const oracle::Hop hop = generator.probe(node.enforced());
                if (node.node().ifindex(hop.pod) == 0 || !crosses_a_veth(node.enforced(), hop))
                    continue;
                const auto verdict = node.node().judge(hop);
                CHECK((verdict && verdict->kind == Verdict::Kind::allow) ==
                      oracle::judge(node.enforced(), hop).allowed);
            }
            CHECK(node.node().store().violations().empty());
            generator.mutate(cluster);
        }
    }
    CHECK(refused > kSeeds);
    CHECK(complete > kSeeds);
}
