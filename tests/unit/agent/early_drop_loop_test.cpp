// SPDX-License-Identifier: Apache-2.0
// The agent's loop and early drop: the engine is told of the uplinks that there are, and status says what became of it.
#include <doctest/doctest.h>
#include <net/if.h>

#include "agent/early_drop.h"
#include "unit/agent/loop_site.h"

using namespace catflap;
using catflap::engine::EarlyDropWish;
using catflap::test::AgentSite;
using catflap::test::PrivateNetwork;
using namespace std::chrono_literals;

namespace {

// With the uplink eth0.
std::unique_ptr<AgentSite> a_site(EarlyDropWish wish = EarlyDropWish::automatic) {
    auto site = AgentSite::make();
    if (!site)
        return nullptr;
    site->options().early_drop = wish;
    for (const char* name : {"eth0", "eth1"})
        PrivateNetwork::add_veth(name);
    PrivateNetwork::ip(
        "address add 192.0.2.2/24 dev eth0\naddress add 198.51.100.2/24 dev eth1\nroute add default via 192.0.2.1\n");
    return site;
}

bool told(AgentSite& site, const std::vector<const char*>& names, std::chrono::milliseconds patience = 3s) {
    std::set<uint32_t> indexes;
    for (const char* name : names)
        indexes.insert(if_nametoindex(name));
    return site.reaches([&] { return site.kernel.uplinks == indexes; }, patience);
}

std::string words(const AgentSite& site) {
    return report::words_of(*site.status().early_drop);
}

}  // namespace

TEST_CASE("uplinks are told after the first commit, and when routes change") {
    const auto site = a_site();
    if (!site)
        return;
    site->kernel.commit_errors.push_back({0, "not yet"});
    site->begin();
    REQUIRE(told(*site, {"eth0"}));
    CHECK(std::ranges::count(site->kernel.acts_before_uplinks, "refuse") == 1);
    CHECK(std::ranges::count(site->kernel.acts_before_uplinks, "commit") == 1);
    CHECK(words(*site) == "on for eth0 (tc)");
    PrivateNetwork::ip("route add 10.9.0.0/26 via 198.51.100.1\n");
    REQUIRE(told(*site, {"eth0", "eth1"}, 500ms));
    PrivateNetwork::ip("link del eth0\n");
    CHECK(told(*site, {"eth1"}, 500ms));
    CHECK(words(*site) == "on for eth1 (tc)");
}

TEST_CASE("a refusal of one uplink is shown with its name") {
    const auto site = a_site();
    if (!site)
        return;
    PrivateNetwork::ip("route add 10.9.0.0/26 via 198.51.100.1\n");
    site->kernel.early_drop.hook = "xdp-native";
    site->kernel.no_early_drop["eth1"] = "its driver has no native XDP";
    site->begin();
    REQUIRE(told(*site, {"eth0", "eth1"}));
    CHECK(words(*site) == "on for eth0 (xdp-native); not for eth1: its driver has no native XDP");
    site->kernel.no_early_drop["eth0"] = "busy";
    CHECK(site->reaches([&] { return words(*site) == "off: eth0: busy; eth1: its driver has no native XDP"; }, 3s));
}

TEST_CASE("where there is none, no uplink is told, and it is said why") {
    const auto off = a_site(EarlyDropWish::off);
    if (!off)
        return;
    off->begin();
    CHECK(told(*off, {}));
    CHECK(words(*off) == "off: --early-drop off");

    const auto incapable = a_site();
    incapable->kernel.early_drop.off = "no TCX";
    incapable->begin();
    CHECK(told(*incapable, {}));
    CHECK(words(*incapable) == "off: mode iptables has none");
    incapable->kernel.early_drop.off.clear();
    CHECK(told(*incapable, {"eth0"}));

    agent::Options options;
    CHECK(agent::has_no_early_drop(options, {"", "no TCX"}) == "no TCX");
    options.mode = agent::Mode::audit;
    CHECK(agent::has_no_early_drop(options, {"", "no TCX"}) == "mode audit has none");
}

TEST_CASE("a datapath that is loaded anew is told after its first commit") {
    const auto site = a_site();
    if (!site)
        return;
    site->begin();
    REQUIRE(told(*site, {"eth0"}));
    site->kernel.acts.clear();
    site->kernel.uplinks.reset();
    site->kernel.break_at_failure = true;
    site->kernel.commit_errors.push_back({0, "half way"});
    site->source.put("more.yaml", test::a_policy("p"));
    REQUIRE(site->reaches([&] { return site->kernel.count("open") == 1; }));
    REQUIRE(told(*site, {"eth0"}));
    const auto& before = site->kernel.acts_before_uplinks;
    CHECK(std::find(std::ranges::find(before, "open"), before.end(), "commit") != before.end());
}
