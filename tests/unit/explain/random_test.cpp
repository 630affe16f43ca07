// SPDX-License-Identifier: Apache-2.0
// The verdict of explain is the oracle's, for random clusters; and what it says of a drop fits to it.
#include <doctest/doctest.h>

#include "explain/explain.h"
#include "explain/judge.h"
#include "explain/peers.h"
#include "oracle/oracle.h"
#include "support/random/generator.h"

using namespace catflap;
using report::EndVerdict;

namespace {

std::vector<std::string> names(const std::vector<PolicyName>& objects) {
    std::vector<std::string> result;
    for (const PolicyName& object : objects)
        result.push_back(to_string(object));
    return result;
}

std::vector<std::string> rules(const oracle::Decision& decision) {
    std::vector<std::string> result;
    for (const oracle::Admission& rule : decision.admitted_by)
        result.push_back(fmt::format("{} {}[{}]", to_string(rule.policy),
                                     rule.direction == oracle::Direction::ingress ? "Ingress" : "Egress", rule.index));
    return result;
}

std::vector<std::string> rules(const EndVerdict& verdict) {
    std::vector<std::string> result;
    for (const report::RuleName& rule : verdict.admitted_by)
        result.push_back(fmt::format("{} {}[{}]", rule.policy, rule.direction, rule.index));
    return result;
}

// A sentence for each policy that isolates, and none where anything is admitted.
void check_misses(const EndVerdict& verdict) {
    std::vector<std::string> missed;
    for (const report::Miss& miss : verdict.misses) {
        missed.push_back(miss.policy);
        CHECK_FALSE(miss.reason.empty());
        CHECK_FALSE(miss.reason.ends_with(": "));
    }
    CHECK(missed == (verdict.allowed || verdict.decided_by ? std::vector<std::string>{} : verdict.isolated_by));
}

}  // namespace

TEST_CASE("one end: the oracle's verdict, policies and rules") {
    size_t dropped = 0;
    size_t admitted = 0;
    size_t decided = 0;
    for (uint64_t seed = 1; seed <= 1500; ++seed) {
        test::Generator generator(seed);
        Cluster cluster = generator.cluster();
        for (int i = 0; i < 20; ++i) {
            if (i == 10)
                generator.mutate(cluster);
            const oracle::Hop hop = generator.probe(cluster);
            const auto pod = cluster.pods.find(hop.pod);
            if (pod == cluster.pods.end())
                continue;
            const oracle::Decision decision = oracle::judge(cluster, hop);
            const auto direction =
                hop.direction == oracle::Direction::ingress ? explain::Direction::ingress : explain::Direction::egress;
            const EndVerdict verdict =
                explain::judge(cluster, {pod->second, direction, hop.remote, explain::pods_at(cluster, hop.remote),
                                         hop.protocol, hop.destination_port});
            CAPTURE(seed);
            CAPTURE(decision.why);
            CAPTURE(verdict.sentence);
            REQUIRE(verdict.allowed == decision.allowed);
            REQUIRE(verdict.isolated_by == names(decision.isolated_by));
            REQUIRE(rules(verdict) == rules(decision));
            REQUIRE(verdict.decided_by.has_value() == decision.decided_by.has_value());
            if (decision.decided_by) {
                CHECK(verdict.decided_by->policy == to_string(decision.decided_by->policy));
                CHECK(verdict.decided_by->index == decision.decided_by->index);
                CHECK(verdict.in_order.back().find(verdict.decided_by->policy) != std::string::npos);
            }
            decided += decision.decided_by ? 1 : 0;
            check_misses(verdict);
            dropped += verdict.allowed ? 0 : 1;
            admitted += verdict.admitted_by.empty() ? 0 : 1;
        }
    }
    CHECK(dropped > 1000);
    CHECK(admitted > 1000);
    CHECK(decided > 1000);
}

TEST_CASE("both ends, asked by addresses: the oracle's verdict") {
    size_t asked = 0;
    for (uint64_t seed = 1; seed <= 500; ++seed) {
        test::Generator generator(seed);
        const Cluster cluster = generator.cluster();
        for (int i = 0; i < 20; ++i) {
            const oracle::Hop hop = generator.probe(cluster);
            const auto pod = cluster.pods.find(hop.pod);
            const bool has_port = hop.protocol == 6 || hop.protocol == 17 || hop.protocol == 132;
            if (pod == cluster.pods.end() || !has_port || hop.destination_port == 0)
                continue;
            for (const Address& own : pod->second.addresses) {
                if (own.family() != hop.remote.family())
                    continue;
                const bool ingress = hop.direction == oracle::Direction::ingress;
                const Address source = ingress ? hop.remote : own;
                const Address destination = ingress ? own : hop.remote;
                const auto explanation = explain::explain(
                    cluster,
                    {to_string(source), to_string(destination),
                     fmt::format("{}/{}", hop.destination_port, to_string(static_cast<Protocol>(hop.protocol)))});
                CAPTURE(seed);
                if (!explanation) {  // a Service's address: the oracle's packets are behind it
                    CAPTURE(explanation.error().message);
                    REQUIRE(explanation.error().message.find("Service") != std::string::npos);
                    continue;
                }
                const auto decision =
                    oracle::judge_connection(cluster, {source, destination, hop.protocol, hop.destination_port});
                CAPTURE(decision.why);
                REQUIRE(explanation->allowed == decision.allowed);
                ++asked;
            }
        }
    }
    CHECK(asked > 2000);
}
