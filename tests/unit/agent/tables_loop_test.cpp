// SPDX-License-Identifier: Apache-2.0
// The agent's loop and its table of nftables, which keeps nf_conntrack at work.
#include <doctest/doctest.h>

#include "netfilter/own_table.h"
#include "netfilter/tracking.h"
#include "unit/agent/loop_site.h"

using namespace catflap;
using catflap::test::AgentSite;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

bool is_there() {
    return netfilter::run_nft(std::string("list table ") + netfilter::kTrackingTable).has_value();
}

uint64_t mends(const AgentSite& node) {
    return node.state().mends[static_cast<size_t>(engine::MendKind::tracking)].count;
}

// By somebody who thinks that all rules are his.
bool flush_is_mended(AgentSite& node) {
    const uint64_t before = mends(node);
    REQUIRE(netfilter::run_nft("flush ruleset"));
    return node.reaches([&] { return mends(node) == before + 1; });
}

}  // namespace

TEST_CASE("an engine that asks nf_conntrack gets a table that keeps it at work; another does not") {
    for (const bool asks : {true, false}) {
        const auto node = AgentSite::make();
        if (!node)
            return;
        node->kernel.asks_conntrack = asks;
        node->begin();
        REQUIRE(node->enforces());
        CHECK(is_there() == asks);
        CHECK(node->state().tracking_error.empty());
    }
}

TEST_CASE("a flush of all rules is mended when it is heard of, not only with the next audit, and is counted") {
    const auto node = AgentSite::make();
    if (!node)
        return;
    node->kernel.asks_conntrack = true;
    node->begin();
    REQUIRE(node->enforces());
    REQUIRE(flush_is_mended(*node));
    // Each audit comes 5 s after whatever looked at the tables last.
    const auto mended = Clock::now();
    REQUIRE(flush_is_mended(*node));
    CHECK(Clock::now() - mended < 4s);
    CHECK(is_there());
}
