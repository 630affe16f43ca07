// SPDX-License-Identifier: Apache-2.0
// What an agent adds to an explanation: what is in force on its node, what its tables say, and what it cannot know.
#include <doctest/doctest.h>

#include "unit/agent/loop_site.h"

using namespace catflap;
using catflap::test::a_pod;
using catflap::test::a_policy;
using catflap::test::AgentSite;

namespace {

const report::Question kQuestion = {"app/a", "app/b", "2/tcp"};

const report::EndVerdict& ingress(const report::Explanation& explanation) {
    return explanation.paths.at(0).ends.at(1);
}

bool says(const std::vector<std::string>& notes, const std::string& words) {
    return std::ranges::any_of(notes, [&](const std::string& note) { return note.find(words) != std::string::npos; });
}

}  // namespace

TEST_CASE("explain: loaded tables that say otherwise are told as a defect; without tables nothing is said") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    node->source.put("policies.yaml", a_policy("p", 3));
    REQUIRE(node->reaches([&] { return node->kernel.rules == 3; }));
    auto explanation = node->explain(kQuestion);
    CHECK(explanation.allowed);
    CHECK_FALSE(ingress(explanation).tables);
    CHECK(ingress(explanation).notes.empty());

    node->kernel.admits = true;
    explanation = node->explain(kQuestion);
    CHECK(ingress(explanation).tables == true);
    CHECK(ingress(explanation).notes.empty());

    node->kernel.admits = false;
    explanation = node->explain(kQuestion);
    CHECK(explanation.allowed);  // by the policies; what is wrong is said
    CHECK(ingress(explanation).tables == false);
    CHECK(says(ingress(explanation).notes, "the tables that are loaded say otherwise: dropped"));
    CHECK(says(ingress(explanation).notes, "defect"));
}

TEST_CASE("explain: a policy that does not fit isolates without rules, and the note says so") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    node->kernel.commit_errors.assign(2, Error{compile::kDoesNotFit, "no room"});
    node->source.put("policies.yaml", a_policy("huge", 32800));
    REQUIRE(node->reaches([&] { return node->state().not_admitted.size() == 1; }));
    const auto explanation = node->explain(kQuestion);
    CHECK_FALSE(explanation.allowed);
    CHECK(ingress(explanation).misses.at(0).reason == "it has no Ingress rules, so it admits nothing");
    CHECK(says(ingress(explanation).notes, "app/huge does not fit on this node, and isolates without rules"));
}

TEST_CASE("explain: the end of another node, and a pod of this one that has no interface") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    node->kernel.admits = false;
    node->source.put("far.yaml", a_pod("far", "10.0.0.7", "n2") + a_pod("late", "10.0.0.8") +
                                     "---\napiVersion: v1\nkind: Node\nmetadata: {name: n2}\n" + a_policy("p", 3));
    REQUIRE(node->reaches([&] { return node->kernel.rules == 3; }));
    auto explanation = node->explain({"app/a", "app/far", "2/tcp"});
    CHECK_FALSE(ingress(explanation).tables);
    CHECK(says(ingress(explanation).notes, "the agent of node n2 enforces this"));
    explanation = node->explain({"app/a", "app/late", "2/tcp"});
    CHECK_FALSE(ingress(explanation).tables);
    CHECK(says(ingress(explanation).notes, "nothing is enforced on it: "));
}
