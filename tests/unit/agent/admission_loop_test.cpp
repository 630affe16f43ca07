// SPDX-License-Identifier: Apache-2.0
// The agent's loop where the desired state does not fit: a larger datapath for what fits into one, and what fits into
// none is left out by name.
#include <doctest/doctest.h>

#include "unit/agent/loop_site.h"

using namespace catflap;
using catflap::test::a_policy;
using catflap::test::AgentSite;
using catflap::test::kBoth;

namespace {

using Acts = std::vector<std::string>;

// The next so many commits find no room.
void refuse_commits(AgentSite& node, size_t count) {
    node.kernel.commit_errors.assign(count, Error{compile::kDoesNotFit, "no room"});
    node.kernel.acts.clear();
}

// Of what is left out.
std::vector<std::string> names(const AgentSite& node) {
    std::vector<std::string> result;
    for (const compile::Refusal& one : node.state().not_admitted)
        result.push_back(to_string(one));
    return result;
}

}  // namespace

TEST_CASE("what fits into no datapath is left out by name, everything else is in force, until it fits") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    refuse_commits(*node, 2);
    node->source.put("policies.yaml", a_policy("huge", 32800) + a_policy("modest", 20));
    REQUIRE(node->reaches([&] { return node->kernel.count("commit") == 1; }));
    CHECK(node->kernel.acts == Acts{"refuse", "reclaim now", "refuse", "commit"});
    CHECK(names(*node) == std::vector<std::string>{"NetworkPolicy app/huge"});
    CHECK(node->kernel.rules == 20);
    CHECK(node->kernel.policies.contains({"app", "huge"}));  // it isolates its pods
    CHECK(node->state().commit_error.empty());

    node->source.put("policies.yaml", a_policy("huge", 30) + a_policy("modest", 20));
    CHECK(node->reaches([&] { return node->kernel.rules == 50; }));
    CHECK(node->state().not_admitted.empty());
}

TEST_CASE("what fits into a larger datapath gets one, with everything in it and attached again") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    const compile::Capacity before = node->kernel.capacity;
    refuse_commits(*node, 3);
    node->kernel.enforced.clear();
    node->source.put("policies.yaml", a_policy("large", 5000));
    REQUIRE(node->reaches([&] { return node->kernel.rules == 5000; }));
    CHECK(node->kernel.acts ==
          Acts{"refuse", "reclaim now", "refuse", "refuse", "open", "commit", "attach cali1", "attach cali2"});
    CHECK(node->kernel.capacity.decisions > 2 * 5000);  // its next version is written beside it
    CHECK(node->kernel.capacity.pages >= before.pages);
    CHECK(node->kernel.enforced == kBoth);
    CHECK_FALSE(node->kernel.same_endpoints);
    CHECK(node->state().not_admitted.empty());
    CHECK(node->state().enforcing);
}

TEST_CASE("where there is no memory for a larger datapath, one as before has what fits into it") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    const compile::Capacity before = {2048, 8192};  // it has grown once
    node->kernel.capacity = before;
    refuse_commits(*node, 3);
    node->kernel.open_errors = {Error{0, "out of memory"}};
    node->source.put("policies.yaml", a_policy("large", 9000) + a_policy("modest", 20));
    REQUIRE(node->reaches([&] { return node->kernel.count("attach cali2") == 1; }));
    CHECK(node->kernel.acts == Acts{"refuse", "reclaim now", "refuse", "refuse", "fail to open", "open", "commit",
                                    "attach cali1", "attach cali2"});
    CHECK(node->kernel.capacity == before);
    CHECK(names(*node) == std::vector<std::string>{"NetworkPolicy app/large"});
    CHECK(node->kernel.rules == 20);
    CHECK(node->kernel.enforced == kBoth);
    CHECK(node->state().enforcing);
}
