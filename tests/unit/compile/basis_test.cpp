// SPDX-License-Identifier: Apache-2.0
// A change costs what it changes: the commit goes on from the one before, waits for nothing, and judges as a start from
// nothing would.
#include <doctest/doctest.h>

#include "support/executors/tables_executor.h"

using namespace catflap;
using namespace catflap::test;

namespace {

const ObjectName kServer{"a", "server"};
const ObjectName kPeer{"a", "peer"};
constexpr uint8_t kTcp = 6;

Address address(const std::string& text) {
    return parse_address(text).value();
}

Pod pod(const ObjectName& name, const std::string& at, Labels labels) {
    Pod result;
    result.name = name;
    result.node = name == kServer ? kLocalNode : "elsewhere";
    result.addresses = {address(at)};
    result.labels = std::move(labels);
    return result;
}

Selector with(const std::string& key, const std::string& value) {
    return {{{key, LabelRequirement::Operator::in, {value}}}};
}

// Admits to the server the pods that have the label.
Policy admits(const std::string& name, const std::string& key, const std::string& value) {
    return {{"a", name}, with("role", "server"), true, false, {{{{with(key, value), {}, {}}}, {}}}, {}};
}

Cluster cluster() {
    Cluster result;
    result.namespaces["a"] = {"a", {}};
    for (const Pod& one : {pod(kServer, "10.0.0.1", {{"role", "server"}}), pod(kPeer, "10.0.0.2", {{"role", "peer"}})})
        result.pods[one.name] = one;
    for (const std::string set : {"1", "2", "3"})
        result.policies[{"a", "p" + set}] = admits("p" + set, "set-" + set, "yes");
    return result;
}

struct OneNode {
    SimulatedNode node;
    Cluster state = cluster();

    OneNode() { REQUIRE(node.load(state)); }

    bool admitted(const std::string& from = "10.0.0.2") const {
        const auto verdict = node.judge({kServer, oracle::Direction::ingress, address(from), kTcp, 80});
        return verdict && verdict->kind == Verdict::Kind::allow;
    }
    // A commit that went on, without a grace period.
    void go_on() {
        const size_t waits = node.store().waits();
        REQUIRE(node.load(state));
        CHECK_FALSE(node.report().anew);
        CHECK(node.store().waits() == waits);
        CHECK(node.store().violations().empty());
    }
};

}  // namespace

TEST_CASE("a pod that comes into several sets at once, of which no table has a row yet") {
    OneNode one;
    CHECK_FALSE(one.admitted());
    one.state.pods[kPeer].labels = {{"role", "peer"}, {"set-1", "yes"}, {"set-3", "yes"}};
    one.go_on();
    CHECK(one.admitted());
    CHECK(one.node.report().tables_written == 1);
    one.state.pods[kPeer].labels = {{"role", "peer"}};
    one.go_on();
    CHECK_FALSE(one.admitted());
    // The table of before knows these labels.
    one.state.pods[kPeer].labels = {{"role", "peer"}, {"set-1", "yes"}, {"set-3", "yes"}};
    one.go_on();
    CHECK(one.admitted());
    CHECK(one.node.report().tables_written == 0);
}

TEST_CASE("pods come, go, and take over an address") {
    OneNode one;
    one.state.pods[{"a", "new"}] = pod({"a", "new"}, "10.0.0.3", {{"set-2", "yes"}});
    one.go_on();
    CHECK(one.admitted("10.0.0.3"));
    one.state.pods.erase({"a", "new"});
    one.state.pods[{"a", "other"}] = pod({"a", "other"}, "10.0.0.3", {});
    one.go_on();
    CHECK_FALSE(one.admitted("10.0.0.3"));
    one.state.pods.erase({"a", "other"});
    one.go_on();
    CHECK_FALSE(one.admitted("10.0.0.3"));
}

TEST_CASE("a policy that tells nothing new apart") {
    OneNode one;
    one.state.pods[kPeer].labels.set("set-1", "no");
    one.go_on();
    one.state.policies[{"a", "opens"}] = admits("opens", "set-1", "no");
    one.go_on();
    CHECK(one.admitted());
    one.state.policies[{"a", "opens"}] = admits("opens", "set-1", "never");
    one.go_on();
    CHECK_FALSE(one.admitted());
    one.state.policies.erase({"a", "opens"});
    one.go_on();
    CHECK_FALSE(one.admitted());
}

TEST_CASE("what tells something new apart begins anew: a label, a block, a port, a namespace's labels") {
    OneNode one;
    const auto anew = [&] {
        REQUIRE(one.node.load(one.state));
        CHECK(one.node.report().anew);
    };
    one.state.policies[{"a", "label"}] = admits("label", "colour", "red");
    anew();
    Policy block = admits("block", "role", "nobody");
    block.ingress.front().peers.front() = {{}, {}, IpBlock{parse_prefix("10.9.0.0/16")->prefix, {}}};
    one.state.policies[block.name] = block;
    anew();
    CHECK(one.admitted("10.9.0.1"));
    Policy port = admits("port", "role", "peer");
    port.ingress.front().ports.push_back({Protocol::tcp, uint16_t{80}, {}});
    one.state.policies[port.name] = port;
    anew();
    CHECK(one.admitted());
    one.state.namespaces["a"].labels.set("team", "blue");
    anew();
}

TEST_CASE("classes without an address do not pile up") {
    OneNode one;
    for (size_t i = 0; i < 3000; ++i) {
        one.state.pods[kPeer].labels.set("set-1", std::to_string(i));
        REQUIRE(one.node.load(one.state));
        if (i % 100 == 0)
            REQUIRE(one.node.collect());
    }
    CHECK(one.node.committer().loaded().class_keys.size() < 2100);
}
