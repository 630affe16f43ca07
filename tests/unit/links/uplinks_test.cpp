// SPDX-License-Identifier: Apache-2.0
// Uplinks by the kernel's netlink, from dumps and from notifications.
#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include "links/link_watcher.h"
#include "support/kernel/private_network.h"

using namespace catflap;
using namespace catflap::links;
using catflap::test::PrivateNetwork;

namespace {

std::string names(LinkWatcher& watcher) {
    REQUIRE(watcher.refresh());
    std::vector<std::string> result;
    for (const auto& [ifindex, name] : watcher.uplinks())
        result.push_back(name);
    return fmt::format("{}", fmt::join(result, " "));
}

constexpr const char* kAddresses =
    "address add 10.0.0.2/24 dev eth0\naddress add 10.0.1.2/24 dev eth1\naddress add fd00::2/64 dev eth0 nodad\n"
    "address add fd01::2/64 dev eth1 nodad\n";

}  // namespace

TEST_CASE("gateways of both families, by dump and by notification") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    for (const char* name : {"eth0", "eth1", "cali1"})
        PrivateNetwork::add_veth(name);
    auto watcher = LinkWatcher::open();
    REQUIRE(watcher);
    CHECK(names(*watcher).empty());
    const auto both = [&] {
        auto later = LinkWatcher::open();
        REQUIRE(later);
        const std::string known = names(*watcher);
        CHECK(names(*later) == known);
        return known;
    };
    PrivateNetwork::ip(kAddresses);
    PrivateNetwork::ip("link set lo up\nroute add 10.2.0.0/16 dev cali1 scope link\n");
    CHECK(both().empty());
    PrivateNetwork::ip("route add default via 10.0.0.1\n");
    CHECK(both() == "eth0");
    PrivateNetwork::ip("route add 10.9.1.0/26 via 10.0.1.1\nroute del default\n");
    CHECK(both() == "eth1");
    PrivateNetwork::ip("route replace 10.9.1.0/26 via 10.0.0.1\n");
    CHECK(both() == "eth0");
    PrivateNetwork::ip("route replace blackhole 10.9.1.0/26\n");
    CHECK(both().empty());
    PrivateNetwork::ip("route add ::/0 via fd01::1\n");
    CHECK(both() == "eth1");
    PrivateNetwork::ip("link set eth1 down\n");
    CHECK(both().empty());
    PrivateNetwork::ip(
        "route add 10.9.2.0/26 via inet6 fd00::1 dev eth0\nroute add 10.9.3.0/26 via 10.2.0.1 dev cali1\n");
    CHECK(both() == "eth0");
    PrivateNetwork::ip("route add 10.9.4.0/26 via 10.0.0.1 table 100\nroute del 10.9.2.0/26\n");
    CHECK(both().empty());
}

TEST_CASE("routes by several hops") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    for (const char* name : {"eth0", "eth1"})
        PrivateNetwork::add_veth(name);
    PrivateNetwork::ip(kAddresses);
    auto watcher = LinkWatcher::open();
    REQUIRE(watcher);
    for (const std::string destination : {"0.0.0.0/0", "::/0"}) {
        CAPTURE(destination);
        const std::string one = destination == "::/0" ? "fd00::1" : "10.0.0.1";
        const std::string other = destination == "::/0" ? "fd01::1" : "10.0.1.1";
        PrivateNetwork::ip(fmt::format("route add {} nexthop via {} nexthop via {}\n", destination, one, other));
        CHECK(names(*watcher) == "eth0 eth1");
        auto later = LinkWatcher::open();
        REQUIRE(later);
        CHECK(names(*later) == "eth0 eth1");
        PrivateNetwork::ip(fmt::format("route del {}\n", destination));
        CHECK(names(*watcher).empty());
    }
    CHECK(watcher->complete_readings() == 1);
}
