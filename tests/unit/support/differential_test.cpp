// SPDX-License-Identifier: Apache-2.0
// The fuzzer finds an artificial bug, and hands it over as a small row.
#include "fuzz/differential.h"

#include <doctest/doctest.h>

#include <set>

#include "support/random/generator.h"
#include "support/random/shrink.h"
#include "support/table/truth_table.h"

using namespace catflap;
using namespace catflap::test;

namespace {

// Judges a cluster that it has misunderstood.
class MistakenExecutor : public Executor {
  public:
    [[nodiscard]] std::string name() const override { return "mistaken"; }
    Result<void> start(const Cluster& cluster) override {
        cluster_ = misread(cluster);
        return {};
    }
    Result<bool> allowed(const oracle::Hop& hop) override { return oracle::judge(cluster_, hop).allowed; }
    [[nodiscard]] bool carries(const Cluster& cluster, const oracle::Hop& hop) const override {
        return crosses_a_veth(cluster, hop);
    }

  protected:
    virtual Cluster misread(const Cluster& cluster) = 0;
    Cluster cluster_;
};

// Takes every except for part of its block.
class ForgetsExcepts final : public MistakenExecutor {
    Cluster misread(const Cluster& cluster) override {
        Cluster wrong = cluster;
        for (auto& [name, policy] : wrong.policies)
            for (auto* rules : {&policy.ingress, &policy.egress})
                for (PolicyRule& rule : *rules)
                    for (PolicyPeer& peer : rule.peers)
                        if (peer.ip_block)
                            peer.ip_block->except.clear();
        return wrong;
    }
};

// Takes a change of a pod's labels in only with the next start.
class ForgetsLabelChanges final : public MistakenExecutor {
    Cluster misread(const Cluster& cluster) override { return cluster; }
    Result<void> update(const Cluster& cluster) override {
        const Cluster before = cluster_;
        cluster_ = cluster;
        for (auto& [name, pod] : cluster_.pods)
            if (before.pods.contains(name))
                pod.labels = before.pods.at(name).labels;
        return {};
    }
};

template <class Mistaken>
FuzzSummary find() {
    FuzzOptions options;
    options.clusters = 500;
    return run_differential(options, {make_oracle_executor, [] { return std::make_unique<Mistaken>(); }},
                            [](const FuzzSummary&) {});
}

// The report's case, read back as a truth table.
Case as_case(const FuzzSummary& summary) {
    auto cases = parse_cases(summary.report.substr(summary.report.find("cases:")), "report");
    REQUIRE_MESSAGE(cases, summary.report);
    return cases->front();
}

}  // namespace

TEST_CASE("a mishandled except is found, and shrunk to one pod, one policy, one block") {
    const FuzzSummary summary = find<ForgetsExcepts>();
    REQUIRE(summary.differences == 1);
    const Case found = as_case(summary);
    INFO(summary.report);
    REQUIRE(found.steps.size() == 1);
    const Step& step = found.steps[0];
    CHECK(step.cluster.pods.size() == 1);
    CHECK(step.cluster.namespaces.empty());
    REQUIRE(step.cluster.policies.size() == 1);
    const Policy& policy = step.cluster.policies.begin()->second;
    CHECK(policy.pods.requirements.empty());
    REQUIRE(policy.ingress.size() + policy.egress.size() == 1);
    const PolicyRule& rule = policy.ingress.empty() ? policy.egress[0] : policy.ingress[0];
    REQUIRE(rule.peers.size() == 1);
    CHECK(rule.peers[0].ip_block->except.size() == 1);
    CHECK(rule.ports.empty());
    REQUIRE(step.rows.size() == 1);
    CHECK_FALSE(step.rows[0].allowed);
}

TEST_CASE("a change that is not taken in is found, and keeps the state before it") {
    const FuzzSummary summary = find<ForgetsLabelChanges>();
    REQUIRE(summary.differences == 1);
    INFO(summary.report);
    const Case found = as_case(summary);
    CHECK(found.steps.size() == 2);
    CHECK(found.steps.back().cluster.policies.size() == 1);
}

TEST_CASE("without a mistake there is no difference, and packets are of both kinds") {
    FuzzOptions options;
    options.clusters = 50;
    const FuzzSummary summary =
        run_differential(options, {make_oracle_executor, make_oracle_executor}, [](const FuzzSummary&) {});
    CHECK(summary.differences == 0);
    CHECK(summary.packets == 50 * 5 * 20);
    CHECK(summary.allowed > summary.packets / 10);
    CHECK(summary.allowed < summary.packets * 9 / 10);
}

TEST_CASE("the generator follows its seed alone, and reaches the corners") {
    CHECK(Random(1).next() == 0x910a2dec89025cc1ULL);  // splitmix64's published first value for seed 1
    CHECK(Generator(7).cluster() == Generator(7).cluster());
    CHECK_FALSE(Generator(7).cluster() == Generator(8).cluster());
    std::set<std::string> seen;
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        const Cluster cluster = Generator(seed).cluster();
        for (const auto& [name, pod] : cluster.pods) {
            seen.insert(pod.host_network ? "host" : pod.finished ? "finished" : "living");
            seen.insert(fmt::format("{} addresses", pod.addresses.size()));
            if (!cluster.namespaces.contains(name.ns))
                seen.insert("no namespace object");
        }
        for (const auto& [name, policy] : cluster.policies)
            for (const PolicyRule& rule : policy.ingress) {
                seen.insert(rule.peers.empty() ? "no peers" : "peers");
                for (const PolicyPort& port : rule.ports)
                    seen.insert(fmt::format("port kind {} range {}", port.port.index(), port.end_port.has_value()));
                for (const PolicyPeer& peer : rule.peers)
                    if (peer.ip_block)
                        seen.insert(fmt::format("{} excepts", peer.ip_block->except.size()));
            }
    }
    for (const char* corner :
         {"host", "finished", "living", "0 addresses", "1 addresses", "2 addresses", "no namespace object", "no peers",
          "port kind 0 range false", "port kind 1 range false", "port kind 1 range true", "port kind 2 range false",
          "0 excepts", "1 excepts", "3 excepts"})
        CHECK_MESSAGE(seen.contains(corner), corner);
}

TEST_CASE("neighbours of addresses stay in their family") {
    const auto at = [](const char* text) { return parse_address(text).value(); };
    CHECK(next_address(at("10.0.0.255")) == at("10.0.1.0"));
    CHECK(previous_address(at("10.0.1.0")) == at("10.0.0.255"));
    CHECK(next_address(at("255.255.255.255")) == at("255.255.255.255"));
    CHECK(previous_address(at("0.0.0.0")) == at("0.0.0.0"));
    CHECK(next_address(at("fd00::ffff")) == at("fd00::1:0"));
    CHECK(last_address(parse_prefix("10.0.0.0/22")->prefix) == at("10.0.3.255"));
    CHECK(last_address(parse_prefix("fd00::/127")->prefix) == at("fd00::1"));
}
