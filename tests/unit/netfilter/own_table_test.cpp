// SPDX-License-Identifier: Apache-2.0
// With the kernel's nftables, each test in a network namespace of its own.
#include "netfilter/own_table.h"

#include <doctest/doctest.h>

#include "netfilter/ruleset_watch.h"
#include "netfilter/tracking.h"
#include "support/kernel/private_network.h"

using namespace catflap;
using namespace catflap::netfilter;
using catflap::test::PrivateNetwork;

namespace {

constexpr const char* kCommands =
    "add table inet ours; add chain inet ours c; flush chain inet ours c;"
    "add rule inet ours c tcp dport 1 counter drop";

void others(const std::string& commands) {
    const auto done = run_nft(commands);
    REQUIRE_MESSAGE(done, done.error().message);
}

bool exists(const std::string& table) {
    return run_nft("list table " + table).has_value();
}

}  // namespace

TEST_CASE("a table that nobody changes is left alone; one that somebody changes or takes away is made again") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    OwnTable table("inet ours");
    REQUIRE(table.make(kCommands));
    CHECK(table.audit() == false);

    others("add table inet other");
    CHECK(table.audit() == false);
    for (const char* damage : {"flush ruleset", "delete table inet ours", "flush chain inet ours c",
                               "add rule inet ours c accept", "add chain inet ours more"}) {
        CAPTURE(damage);
        others(damage);
        CHECK(table.audit() == true);
        CHECK(table.audit() == false);
    }
}

TEST_CASE("a table is removed, and it is no error if there is none") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    OwnTable table("inet ours");
    CHECK(table.remove());
    REQUIRE(table.make(kCommands));
    CHECK(table.remove());
    CHECK_FALSE(exists("inet ours"));
}

TEST_CASE("what cannot be made is told, and the next audit tries again") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    OwnTable table("inet ours");
    const auto done = table.make("add rule inet ours c drop");  // there is neither table nor chain
    REQUIRE_FALSE(done);
    CHECK(done.error().message.starts_with("make the nftables table inet ours: "));
    CHECK_FALSE(table.audit());
    others("add table inet ours; add chain inet ours c");
    CHECK(table.audit() == true);
}

TEST_CASE("a change of our table is heard of, whoever makes it; a change of another's is not") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    OwnTable table("inet ours");
    REQUIRE(table.make(kCommands));
    auto watch = RulesetWatch::open({"ours"});
    REQUIRE_MESSAGE(watch, watch.error().message);
    CHECK_FALSE(watch->changed());

    others(
        "add table inet oursalso; add chain inet oursalso c; add rule inet oursalso c drop; delete table inet oursalso");
    CHECK_FALSE(watch->changed());
    for (const char* damage : {"flush chain inet ours c", "add rule inet ours c accept", "flush ruleset"}) {
        CAPTURE(damage);
        others(damage);
        CHECK(watch->changed());
        CHECK_FALSE(watch->changed());
    }
}

TEST_CASE("more changes than the watch can hold count as a change of ours") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    auto watch = RulesetWatch::open({"ours"}, 32 << 10);
    REQUIRE(watch);
    std::string rules = "add table inet other; add chain inet other c;";
    for (int i = 0; i < 4000; ++i)
        rules += "add rule inet other c tcp dport 1 counter drop;";
    others(rules);
    CHECK(watch->changed());
    CHECK_FALSE(watch->changed());
}

TEST_CASE("the rule that keeps nf_conntrack at work is one that no packet meets") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    OwnTable table = tracking_table();
    REQUIRE(table.make(tracking_commands()));
    CHECK(table.audit() == false);
    const auto text = run_nft("list ruleset");
    REQUIRE(text);
    CHECK(text->find("ct state established") != std::string::npos);
    CHECK(text->find("hook") == std::string::npos);
}
