// SPDX-License-Identifier: Apache-2.0
// The agent's loop: when it commits, attaches, waits and tries again.
#include <doctest/doctest.h>

#include <chrono>

#include "unit/agent/loop_site.h"

using namespace catflap;
using catflap::test::a_pod;
using catflap::test::a_policy;
using catflap::test::AgentSite;
using catflap::test::kBoth;
using catflap::test::PrivateNetwork;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST_CASE("a start commits before it attaches, and takes away others last") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    CHECK(node->kernel.acts ==
          std::vector<std::string>{"open", "commit", "attach cali1", "attach cali2", "remove others"});
    CHECK(node->kernel.enforced == kBoth);
    CHECK(node->kernel.everything_changed);
}

TEST_CASE("an engine that cannot be opened is opened again, and the reason is told meanwhile") {
    const auto node = AgentSite::make();
    if (!node)
        return;
    node->kernel.open_errors = {Error{0, "no bpffs"}};
    node->begin();
    REQUIRE(node->reaches([&] { return node->state().starting.attempts == 1; }));
    CHECK_FALSE(node->state().enforcing);
    CHECK(node->state().starting.error == "no bpffs");
    CHECK(node->enforces());
    CHECK(node->state().starting.error.empty());
}

TEST_CASE("a commit that is refused is tried again without any event, and what was in force is told to be") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    // The second attempt comes at once, after a grace period.
    node->kernel.commit_errors = {Error{0, "no room"}, Error{0, "no room"}};
    node->source.put("policy.yaml", a_policy("p"));
    REQUIRE(node->reaches([&] { return node->kernel.count("refuse") == 2; }));
    CHECK(node->state().commit_error == "no room");
    CHECK(node->kernel.policies.empty());
    CHECK(node->reaches([&] { return node->kernel.policies.contains({"app", "p"}); }));
    CHECK(node->state().commit_error.empty());
    CHECK(node->kernel.count("open") == 1);
}

TEST_CASE("an engine that breaks is loaded anew, with everything, and attached again") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    node->kernel.commit_errors = {Error{0, "a store failed"}};
    node->kernel.break_at_failure = true;
    node->kernel.acts.clear();
    node->kernel.enforced.clear();
    node->source.put("policy.yaml", a_policy("p"));
    REQUIRE(node->reaches([&] { return node->kernel.policies.contains({"app", "p"}); }));
    CHECK(node->kernel.enforced == kBoth);
    CHECK(node->kernel.acts == std::vector<std::string>{"refuse", "open", "commit", "attach cali1", "attach cali2"});
    CHECK_FALSE(node->kernel.same_endpoints);
    CHECK(node->state().enforcing);
    // What the new engine waits for is heard of, though its descriptor may have the number of the old one's.
    eventfd_write(node->kernel.reclaim_fd, 1);
    CHECK(node->reaches([&] { return node->kernel.count("reclaim") == 1; }));
}

TEST_CASE("an engine that cannot be loaded anew leaves the agent starting, until it can") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    node->kernel.commit_errors = {Error{0, "a store failed"}};
    node->kernel.break_at_failure = true;
    node->kernel.open_errors = {Error{0, "out of memory"}};
    node->source.put("policy.yaml", a_policy("p"));
    REQUIRE(node->reaches([&] { return !node->state().enforcing; }));
    CHECK(node->state().starting.error.find("out of memory") != std::string::npos);
    CHECK(node->kernel.attached.size() == 2);  // what is attached stays
    CHECK(node->enforces());
    CHECK(node->kernel.policies.contains({"app", "p"}));
}

TEST_CASE("what does not fit is tried once more after a grace period, before anything is left out") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    node->kernel.commit_errors = {Error{compile::kDoesNotFit, "tables"}};
    node->kernel.acts.clear();
    node->source.put("policy.yaml", a_policy("p"));
    REQUIRE(node->reaches([&] { return node->kernel.count("reclaim now") == 1; }));
    // At once, and not with the next second.
    CHECK(node->kernel.acts == std::vector<std::string>{"refuse", "reclaim now", "commit"});
    CHECK(node->kernel.policies.contains({"app", "p"}));
    CHECK(node->state().not_admitted.empty());
}

TEST_CASE("an interface that cannot be attached keeps none of the others waiting, and is tried again") {
    const auto node = AgentSite::make();
    if (!node)
        return;
    node->kernel.attach_errors["cali1"] = {EBUSY, "another program"};
    node->begin();
    REQUIRE(node->enforces());
    const std::map<std::string, std::string> told = {{"cali1", "another program"}};
    CHECK(node->state().attach_errors == told);
    CHECK(node->kernel.attached.size() == 1);
    REQUIRE(node->reaches([&] { return node->kernel.count("attach cali1") == 3; }));
    CHECK(node->state().attach_errors == told);
    node->kernel.attach_errors.clear();
    CHECK(node->reaches([&] { return node->kernel.attached.size() == 2; }));
    CHECK(node->state().attach_errors.empty());
}

TEST_CASE("programs that somebody took away are attached again, told and counted") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    node->kernel.attached.clear();
    CHECK(node->reaches([&] { return node->kernel.attached.size() == 2; }));
    const engine::Mend& mend = node->state().mends[static_cast<size_t>(engine::MendKind::attachments)];
    CHECK(mend.count == 2);
    CHECK(mend.last.has_value());
}

TEST_CASE("a new interface is attached and committed; one that goes is forgotten") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    PrivateNetwork::add_veth("cali3");
    CHECK(node->reaches([&] { return node->kernel.enforced.contains("cali3"); }));
    CHECK(node->kernel.enforced["cali3"].empty());
    CHECK(node->kernel.attached.size() == 3);
    PrivateNetwork::ip("link delete cali1\n");
    CHECK(node->reaches([&] { return !node->kernel.enforced.contains("cali1"); }));
    CHECK(node->kernel.attached.size() == 2);
}

TEST_CASE("when a grace period is over, what was retired is given back; then there may be something to tidy up") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    const size_t commits = node->state().commits;
    node->kernel.commit_again = true;
    eventfd_write(node->kernel.reclaim_fd, 1);
    CHECK(node->reaches([&] { return node->kernel.count("reclaim") == 1 && node->state().commits > commits; }));
    CHECK(node->kernel.same_endpoints);
}

TEST_CASE("other nodes' pods may wait after a commit, and go with what may not") {
    const auto node = AgentSite::make();
    if (!node)
        return;
    node->kernel.commit_takes = 20ms;  // after which others rest for 500 ms
    node->begin();
    REQUIRE(node->enforces());
    node->source.put("policy.yaml", a_policy("p"));
    REQUIRE(node->reaches([&] { return node->kernel.policies.contains({"app", "p"}); }));
    const auto committed = Clock::now();
    const size_t commits = node->state().commits;
    node->source.put("far.yaml", a_pod("far", "10.0.9.9", "n2"));
    REQUIRE(node->reaches([&] { return node->state().source->cluster().pods.contains({"app", "far"}); }));
    if (Clock::now() - committed < 400ms)
        CHECK(node->state().commits == commits);
    node->source.put("urgent.yaml", a_policy("urgent"));
    REQUIRE(node->reaches([&] { return node->state().source->cluster().policies.contains({"app", "urgent"}); }));
    CHECK(node->kernel.policies.contains({"app", "urgent"}));  // in the round that has read it
    // And alone it is committed, too, when the rest is over.
    node->source.put("far.yaml", a_pod("far", "10.0.9.8", "n2"));
    CHECK(node->reaches([&] { return node->kernel.pods.at({"app", "far"}) == "10.0.9.8"; }));
}

TEST_CASE("a source that cannot be read is told, and what it held stays in force") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    node->source.remove("pods.yaml");
    CHECK(node->reaches([&] { return !node->state().source_error.empty(); }));
    CHECK(node->kernel.enforced == kBoth);
    node->source.put("pods.yaml", a_pod("a", "10.0.0.1") + a_pod("b", "10.0.0.2"));
    CHECK(node->reaches([&] { return node->state().source_error.empty(); }));
}

TEST_CASE("a settle that finds no engine any more leaves an agent that starts again, and does not end it") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    node->kernel.commit_errors = {Error{0, "a store failed"}};
    node->kernel.break_at_failure = true;
    node->kernel.open_errors = {Error{0, "out of memory"}};
    node->source.put("policy.yaml", a_policy("p"));
    const auto told = node->settles();
    REQUIRE_FALSE(told);
    CHECK(told.error().message == "commit: a store failed");
    CHECK_FALSE(node->state().enforcing);
    CHECK(node->enforces());
    CHECK(node->kernel.policies.contains({"app", "p"}));
}
