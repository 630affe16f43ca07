// SPDX-License-Identifier: Apache-2.0
// What the agent says of what it could not take as it stands.
#include "agent/facts.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>

#include "agent/answers.h"
#include "source/directory/directory.h"
#include "support/agent/source_site.h"

using namespace catflap;
using namespace catflap::agent;

namespace {

struct Site : test::SourceSite {
    void open() { state.source = std::make_unique<source::Directory>(source::Directory::open(directory()).value()); }
    void refresh() { REQUIRE(state.source->refresh(false).has_value()); }
    AgentState state;
};

std::string policy(int number, const std::string& spec = "{podSelector: {}}") {
    return fmt::format(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{:04}, namespace: shop}}\nspec: {}\n",
        number, spec);
}

}  // namespace

TEST_CASE("a refused object: its last good version, isolation without rules, or nothing is in force") {
    Site site;
    site.put("a.yaml", policy(1));
    site.open();
    site.put("a.yaml", policy(1, "{podSelector: {}, policyTypes: [Inbound]}"));
    site.put("b.yaml", policy(2, "{podSelector: {}, policyTypes: [Inbound]}"));
    site.refresh();
    CHECK(outcome_of(site.state, "NetworkPolicy shop/p0001") == report::Outcome::last_good);
    CHECK(outcome_of(site.state, "NetworkPolicy shop/p0002") == report::Outcome::isolated);
    CHECK(outcome_of(site.state, "NetworkPolicy shop/p0003") == report::Outcome::nothing);
    CHECK_FALSE(outcome_of(site.state, "").has_value());
    const auto facts = facts_of(site.state);
    REQUIRE(facts.refused.size() == 2);
    CHECK(facts.refused[0].outcome == report::Outcome::last_good);
    CHECK(facts.refused[1].outcome == report::Outcome::isolated);
    CHECK(refused(site.state)[1].outcome == report::Outcome::isolated);
}

TEST_CASE("an agent that has nothing in force yet says so, and why") {
    Site site;
    site.open();
    site.state.starting.error = "no Pod of this node";
    CHECK(facts_of(site.state).starting.starts_with("no Pod of this node"));
    const report::Status status = status_of(site.state);
    REQUIRE(status.starting.has_value());
    CHECK(status.starting->error == "no Pod of this node");
    CHECK_FALSE(status.engine.has_value());
    report::Page page({.kind = report::Kind::flows});
    const auto done = list(site.state, page);
    REQUIRE_FALSE(done);
    CHECK(done.error().message.starts_with("the agent is starting"));
}

TEST_CASE("each trouble of the agent's own is a fact, by itself") {
    const std::string why = "somebody is in the way";
    const auto facts_with = [&](const std::function<void(AgentState&)>& trouble) {
        AgentState state;
        trouble(state);
        return facts_of(state);
    };
    CHECK(facts_with([&](AgentState& state) { state.source_error = why; }).source_error == why);
    CHECK(facts_with([&](AgentState& state) { state.commit_error = why; }).commit_error == why);
    CHECK(facts_with([&](AgentState& state) { state.guard_error = why; }).guard_error == why);
    CHECK(facts_with([&](AgentState& state) { state.tracking_error = why; }).tracking_error == why);
    CHECK(facts_with([&](AgentState& state) { state.pin_error = why; }).missing_pins == std::vector{why});
    const auto refused = facts_with([&](AgentState& state) { state.attach_errors["cali1"] = why; }).not_attached;
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].where == "cali1");
    CHECK(refused[0].what == why);

    const report::Facts none = facts_of(AgentState());
    CHECK(none.source_error + none.commit_error + none.guard_error + none.tracking_error == "");
    CHECK(none.missing_pins.empty());
    CHECK(none.not_attached.empty());
}
