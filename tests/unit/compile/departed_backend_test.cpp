// SPDX-License-Identifier: Apache-2.0
// A Service one of whose backends has lost its pod: the egress policy judges that backend as the pod was.
#include <doctest/doctest.h>

#include "compile/classes/masks.h"

using namespace catflap;
using namespace catflap::compile;

namespace {

Address address(const std::string& text) {
    return parse_address(text).value();
}

Pod pod(const std::string& name, const std::string& at, const std::string& app) {
    Pod result;
    result.name = {"shop", name};
    result.addresses = {address(at)};
    result.labels = {{"app", app}};
    return result;
}

// Admits databases.
resolve::DirectionPolicy policy() {
    resolve::PodMatch match;
    match.ns = "shop";
    match.pods = {{{"app", LabelRequirement::Operator::in, {"db"}}}};
    resolve::Rule rule;
    rule.policy = {"shop", "client"};
    rule.peers = {{match, {}}};
    rule.any_port = true;
    return {resolve::Direction::egress,
            {{"shop", "client"}},
            {rule},
            {{resolve::kDefaultTier, 1, 1, resolve::Action::deny}}};
}

// Is the Service shut, because its backends are judged differently? 10.9.1.3 is a database, 10.9.2.3 is no pod's.
bool is_mixed(const resolve::DepartedPods& departed) {
    Cluster cluster;
    const Pod near = pod("near", "10.9.1.3", "db");
    cluster.pods[near.name] = near;
    const std::vector<resolve::Frontend> frontends = {
        {"shop/web IPv4",
         {address("10.96.0.1")},
         {{Protocol::tcp, 80, {{address("10.9.1.3"), 8080}, {address("10.9.2.3"), 8080}}}}}};
    const resolve::DirectionPolicy rules = policy();
    Relevance relevance;
    relevance.add(rules.rules[0].peers[0]);
    relevance.finish();
    const Classification classification(cluster, std::move(relevance), frontends);
    const std::vector<PortClass> port_classes = {PortClass{}};
    MaskMaker masks(classification, cluster, port_classes, frontends, departed);
    CHECK_FALSE(masks.peers(rules).empty());
    return !masks.mixed(rules).empty();
}

}  // namespace

TEST_CASE("a backend without a pod is judged by its address, which no selector holds") {
    CHECK(is_mixed({}));
}

TEST_CASE("a backend whose pod is gone is judged by what that pod was") {
    CHECK_FALSE(is_mixed({{address("10.9.2.3"), pod("far", "10.9.2.3", "db")}}));
    CHECK(is_mixed({{address("10.9.2.3"), pod("far", "10.9.2.3", "secret")}}));
}
