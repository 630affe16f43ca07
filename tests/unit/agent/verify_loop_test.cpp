// SPDX-License-Identifier: Apache-2.0
// Passes over what is loaded, among everything else that the loop does.
#include "unit/agent/loop_site.h"

using namespace catflap;
using namespace catflap::test;

namespace {

std::unique_ptr<AgentSite> a_node(int slices, int64_t interval_ms) {
    auto node = AgentSite::make();
    if (!node)
        return nullptr;
    node->options().verify_interval_ms = interval_ms;
    node->kernel.slices = slices;
    node->begin();
    REQUIRE(node->enforces());
    return node;
}

// Asks, and has the answer of the pass.
report::Verification answer_of(AgentSite& node, uint64_t question) {
    std::optional<report::Verification> answer;
    REQUIRE(node.reaches([&] {
        const auto verified = node.verify(question, true);
        REQUIRE_MESSAGE(verified, verified.error().message);
        if (!verified->question)
            answer = verified->verification;
        return answer.has_value();
    }));
    return *answer;
}

}  // namespace

TEST_CASE("who asks gets the answer of a pass of his own, slice by slice") {
    const auto node = a_node(5, 0);
    if (!node)
        return;
    node->kernel.verification.check("prefixes").checked = 3;
    CHECK(node->kernel.count("slice") == 0);  // none of its own accord
    const auto asked = node->verify(std::nullopt, true);
    REQUIRE(asked);
    REQUIRE(asked->question);
    const report::Verification answer = answer_of(*node, *asked->question);
    CHECK(node->kernel.count("slice") == 5);
    CHECK(answer.repair);
    CHECK(answer.checks.at(0).checked == 3);
    CHECK(answer.is_equal());
    CHECK_FALSE(node->verify(4711, true));  // nobody has asked for that one
}

TEST_CASE("what a pass mended is counted, and told in status; what it could not read is a condition") {
    const auto node = a_node(1, 0);
    if (!node)
        return;
    report::Verification& found = node->kernel.verification;
    found.check("prefixes").unread = "no permission";
    found.add({"addresses", "10.0.0.1", "class 3", "no entry", "mended"}, true);
    answer_of(*node, node->verify(std::nullopt, true)->question.value());
    CHECK(node->state().mends[static_cast<size_t>(engine::MendKind::maps)].count == 1);
    CHECK(node->state().verify.differences.at("addresses") == 1);
    CHECK(node->state().verify.unread == 1);
    CHECK(node->status().facts.verify_error == "prefixes could not be compared: no permission");
}

TEST_CASE("its own passes rest a hundred times as long as a slice takes; who asks does not wait for the rest") {
    const auto node = a_node(1000, 1);
    if (!node)
        return;
    node->kernel.slice_takes = std::chrono::milliseconds(3);
    const size_t before = node->kernel.count("slice");
    const auto begin = std::chrono::steady_clock::now();
    node->reaches([] { return false; }, std::chrono::milliseconds(1000));
    const auto slices = static_cast<double>(node->kernel.count("slice") - before);
    const double whole_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    CHECK(slices >= 1);
    CHECK(slices * 3 / whole_ms < 0.02);
    node->kernel.slice_takes = {};
    answer_of(*node, node->verify(std::nullopt, true)->question.value());
}

TEST_CASE("an engine that is replaced in the middle of a pass: who asked gets one over the next engine") {
    const auto node = a_node(1'000'000, 0);
    if (!node)
        return;
    const uint64_t question = node->verify(std::nullopt, true)->question.value();
    REQUIRE(node->reaches([&] { return node->kernel.count("slice") > 3; }));
    node->kernel.slices = 2;
    node->kernel.break_at_failure = true;
    node->kernel.commit_errors = {Error{0, "the store failed"}};
    node->source.put("pods.yaml", a_pod("a", "10.0.0.1") + a_pod("c", "10.0.0.2"));
    answer_of(*node, question);
    CHECK(node->kernel.count("open") == 2);
}

TEST_CASE("iptables mode, which cannot compare without writing, says so to who only looks") {
    const auto node = a_node(1, 0);
    if (!node)
        return;
    const auto refused = node->verify(std::nullopt, false);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("--repair") != std::string::npos);
}
