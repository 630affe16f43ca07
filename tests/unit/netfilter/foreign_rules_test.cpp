// SPDX-License-Identifier: Apache-2.0
#include "netfilter/foreign_rules.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "netfilter/own_table.h"
#include "netfilter/read_chains.h"
#include "netfilter/ruleset_watch.h"
#include "netfilter/tracking.h"
#include "support/kernel/private_network.h"

using namespace catflap;
using namespace catflap::netfilter;
using catflap::test::PrivateNetwork;

namespace {

using Sentences = std::vector<std::string>;

HookedChain forward(std::vector<std::string> rules, bool drops = false) {
    return {"ip", "filter", "FORWARD", "filter", "forward", false, drops, std::move(rules)};
}

Sentences of(const HookedChain& chain) {
    return foreign_rules({chain});
}

void run(const std::string& commands) {
    const auto done = run_nft(commands);
    REQUIRE_MESSAGE(done, done.error().message);
}

// What the kernel's nftables says after these commands; they are taken back.
Sentences after(const std::string& commands) {
    run(commands);
    const auto chains = read_hooked_chains();
    REQUIRE_MESSAGE(chains, chains.error().message);
    run("flush ruleset");
    return foreign_rules(*chains);
}

Sentences seen_by(const std::string& chain) {
    return {"rules of others see forwarded packets: " + chain};
}

}  // namespace

TEST_CASE("kube-proxy's rules and empty chains see nothing of others; anything else does, and is named") {
    CHECK(of(forward({})).empty());
    CHECK(of(forward({"KUBE-PROXY-FIREWALL", "KUBE-FORWARD", "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES"})).empty());
    for (const char* other : {"", "cali-FORWARD", "KUBE-ROUTER-FORWARD", "DOCKER-USER"})
        CHECK(of(forward({"KUBE-FORWARD", other})) == seen_by("table ip filter, chain FORWARD"));
    CHECK(of(forward({}, true)) ==
          Sentences{"forwarded packets are dropped unless a rule accepts them: table ip filter, chain FORWARD"});
}

TEST_CASE("it depends on family, type, hook and table whether a chain matters") {
    HookedChain chain = forward({""});
    for (const char* hook : {"prerouting", "postrouting", "ingress", "egress"}) {
        chain.hook = hook;
        CHECK(of(chain).size() == 1);
    }
    for (const char* hook : {"input", "output"}) {
        chain.hook = hook;
        CHECK(of(chain).empty());
    }
    chain = forward({""});
    chain.type = "nat";
    CHECK(of(chain).empty());
    for (const auto& [family, table, matters] :
         std::vector<std::tuple<std::string, std::string, bool>>{{"bridge", "filter", false},
                                                                 {"inet", "catflap", false},
                                                                 {"inet", "catflap_conntrack", false},
                                                                 {"ip", "catflap", true},
                                                                 {"ip", "kube-proxy", false},
                                                                 {"ip6", "kube-proxy", false},
                                                                 {"inet", "kube-proxy", true},
                                                                 {"netdev", "mine", true}}) {
        CAPTURE(family + " " + table);
        chain = forward({""});
        chain.family = family;
        chain.table = table;
        CHECK(of(chain).size() == (matters ? 1 : 0));
    }
}

TEST_CASE("rules of iptables-legacy, by what iptables-save prints") {
    const auto judge = [](const std::string& text) { return foreign_rules(parse_legacy(text, "ip")); };
    const std::string kube_proxy =
        "# Generated\n*filter\n:INPUT ACCEPT [1:2]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:KUBE-FORWARD - [0:0]\n"
        "-A INPUT -j DROP\n-A FORWARD -m comment --comment \"kubernetes -j rules\" -j KUBE-FORWARD\n"
        "-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n";
    CHECK(judge("").empty());
    CHECK(judge(kube_proxy + "COMMIT\n").empty());
    const Sentences seen = seen_by("table ip filter (iptables-legacy), chain FORWARD");
    CHECK(judge(kube_proxy + "-A FORWARD -s 10.0.0.1/32 -j DROP\nCOMMIT\n") == seen);
    CHECK(judge(kube_proxy + "-A FORWARD -m comment --comment \"x -j KUBE-FORWARD\"\nCOMMIT\n") == seen);
    CHECK(judge(kube_proxy + "-A FORWARD -g cali-FORWARD\nCOMMIT\n") == seen);
    CHECK(judge("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n").size() == 1);
    CHECK(judge("*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n").empty());
    CHECK(judge("*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j MARK --set-xmark 0x1/0x1\nCOMMIT\n") ==
          seen_by("table ip mangle (iptables-legacy), chain PREROUTING"));
}

TEST_CASE("chains as the kernel has them") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    const std::string filter =
        "add table ip filter; add chain ip filter KUBE-FORWARD; add chain ip filter cali-FORWARD;"
        "add chain ip filter FORWARD { type filter hook forward priority 0; policy accept; };";
    CHECK(after(filter).empty());
    CHECK(after(filter + "add rule ip filter FORWARD counter jump KUBE-FORWARD").empty());
    CHECK(after(filter + "add rule ip filter KUBE-FORWARD drop").empty());
    const Sentences seen = seen_by("table ip filter, chain FORWARD");
    CHECK(after(filter + "add rule ip filter FORWARD counter jump cali-FORWARD") == seen);
    CHECK(after(filter + "add rule ip filter FORWARD tcp dport 1 accept") == seen);
    CHECK(after(filter + "add rule ip filter FORWARD jump KUBE-FORWARD; add rule ip filter FORWARD drop") == seen);
    CHECK(after(filter + "add chain ip filter FORWARD { policy drop; }").size() == 1);
    CHECK(after(tracking_commands()).empty());
    CHECK(after("add table inet fw; add chain inet fw c { type filter hook prerouting priority -300; }; "
                "add rule inet fw c udp dport 53 notrack") == seen_by("table inet fw, chain c"));
    CHECK(after("add table ip6 n; add chain ip6 n c { type nat hook postrouting priority 100; }; "
                "add rule ip6 n c masquerade")
              .empty());
    PrivateNetwork::add_veth("cali1");
    CHECK(after("add table netdev d; add chain netdev d c { type filter hook ingress device cali1 priority 0; }; "
                "add rule netdev d c drop") == seen_by("table netdev d, chain c"));
}

TEST_CASE("the generation and the watch tell of every change of rules, whosever they are") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    auto watch = RulesetWatch::open({"ours"});
    REQUIRE(watch);
    const auto before = ruleset_generation();
    REQUIRE_MESSAGE(before, before.error().message);
    CHECK(*ruleset_generation() == *before);
    CHECK_FALSE(watch->changed());
    CHECK_FALSE(watch->heard_of_rules());
    run("add table ip other; add chain ip other c; add set ip other s { type ipv4_addr; }; add rule ip other c drop");
    CHECK(*ruleset_generation() != *before);
    CHECK_FALSE(watch->changed());
    CHECK(watch->heard_of_rules());
    run("add element ip other s { 10.0.0.1 }");
    CHECK_FALSE(watch->changed());
    CHECK_FALSE(watch->heard_of_rules());
}
