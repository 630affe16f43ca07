// SPDX-License-Identifier: Apache-2.0
#include "iptables/render/names.h"

#include <doctest/doctest.h>

#include "iptables/render/chains.h"

using namespace catflap;
using namespace catflap::iptables;

TEST_CASE("a chain's name is kept as long as it has room, and hashed where it has not") {
    CHECK(chain_name("cali-pi-", "shop/web") == "cali-pi-shop/web");
    CHECK(chain_name("cali-pi-", "a/2345678901234567890") == "cali-pi-_" + short_hash("a/2345678901234567890", 19));
    CHECK(chain_name("cali-pi-", "a/345678901234567890").size() == kMaxChainName);
    CHECK(chain_name("cali-pi-", "a/345678901234567890").find('_') == std::string::npos);
    const std::string hashed = chain_name("cali-pri-", "kns.a-namespace-with-a-long-name");
    CHECK(hashed.size() == kMaxChainName);
    CHECK(hashed.starts_with("cali-pri-_"));
    CHECK(hashed != chain_name("cali-pri-", "kns.a-namespace-with-a-long-nam"));
}

TEST_CASE("hashes are base64url: the characters that a chain's name may have") {
    for (int i = 0; i < 200; ++i) {
        const std::string hash = short_hash(std::to_string(i), 43);
        CHECK(hash.size() == 43);
        CHECK(hash.find_first_of("+/=") == std::string::npos);
    }
}

TEST_CASE("a set's name says its family and its kind, and fits into 31 characters") {
    CHECK(set_name(Family::ipv4, SetKind::selector, "x").starts_with("cali40s:"));
    CHECK(set_name(Family::ipv6, SetKind::selector, "x").starts_with("cali60s:"));
    CHECK(set_name(Family::ipv4, SetKind::named_port, "x").starts_with("cali40n:"));
    CHECK(set_name(Family::ipv6, SetKind::named_port, "x").starts_with("cali60n:"));
    CHECK(set_name(Family::ipv4, SetKind::selector, "x").size() == kMaxSetName);
    CHECK(is_our_set("cali40s:abc"));
    CHECK(is_our_set("cali6t0"));
    CHECK_FALSE(is_our_set("cali"));
    CHECK_FALSE(is_our_set("KUBE-CLUSTER-IP"));
}

TEST_CASE("a rule's hash tells its text, its chain and what stands in front of it") {
    Chain one{"cali-a", {}};
    Chain other{"cali-b", {}};
    Chain longer{"cali-a", {}};
    const Rule accept{.target = {Verb::accept}};
    one.append(accept);
    other.append(accept);
    longer.append({.target = {Verb::drop}});
    longer.append(accept);
    CHECK(one.rules[0].hash.size() == 16);
    CHECK(one.rules[0].hash != other.rules[0].hash);
    CHECK(one.rules[0].hash != longer.rules[1].hash);
    CHECK(append_line(one, one.rules[0]) ==
          "-A cali-a -m comment --comment \"cali:" + one.rules[0].hash + "\" -j ACCEPT");
}

TEST_CASE("multiport: at most 15 slots, a range takes two") {
    std::vector<PortSpan> singles;
    for (uint16_t port = 1; port <= 31; ++port)
        singles.push_back({port, port});
    const auto lists = multiport_lists(singles);
    REQUIRE(lists.size() == 3);
    CHECK(lists[0].size() == 15);
    CHECK(lists[2] == std::vector<PortSpan>{{31, 31}});

    std::vector<PortSpan> ranges;
    for (uint16_t i = 0; i < 8; ++i)
        ranges.push_back({static_cast<uint16_t>(i * 10), static_cast<uint16_t>(i * 10 + 5)});
    const auto of_ranges = multiport_lists(ranges);
    REQUIRE(of_ranges.size() == 2);
    CHECK(of_ranges[0].size() == 7);
    CHECK(multiport_lists({{1, 1}, {1, 1}}).front().size() == 1);
    CHECK(multiport_lists({}).empty());
}
