// SPDX-License-Identifier: Apache-2.0
// Which interfaces are uplinks, by what the messages add up to.
#include "links/uplink_table.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "links/link_table.h"

using namespace catflap;
using namespace catflap::links;

namespace {

Address address(const std::string& text) {
    return parse_address(text).value();
}

GatewayRoute to(const std::string& destination, uint8_t bits = 128) {
    return {.destination = address(destination), .prefix_bits = bits};
}

const GatewayRoute kDefault = to("::", 0);
const Address kGateway = address("10.0.0.1");

std::string names(const UplinkTable& table) {
    std::vector<std::string> result;
    for (const auto& [ifindex, name] : table.uplinks())
        result.push_back(name);
    return fmt::format("{}", fmt::join(result, " "));
}

UplinkTable two_interfaces() {
    UplinkTable table;
    table.link_seen(1, "eth0", true, true);
    table.link_seen(2, "eth1", true, true);
    return table;
}

}  // namespace

TEST_CASE("an uplink is up, has Ethernet frames, and a route to a gateway") {
    UplinkTable table = two_interfaces();
    table.link_seen(3, "tunl0", true, false);
    table.link_seen(4, "eth2", false, true);
    CHECK(names(table).empty());
    for (const uint32_t ifindex : {1U, 3U})
        table.route_seen(to("10.1.0.0", uint8_t(110 + ifindex)), {{ifindex, kGateway}}, false);
    CHECK(names(table) == "eth0");
    table.link_seen(4, "eth2", true, true);
    table.route_seen(kDefault, {{4, kGateway}}, false);
    CHECK(names(table) == "eth0 eth2");
    table.link_seen(4, "lan", true, true);
    CHECK(names(table) == "eth0 lan");
    table.link_gone(1);
    CHECK(names(table) == "lan");
}

TEST_CASE("routes go one by one, by a replacement, and with an interface that is set down") {
    UplinkTable table = two_interfaces();
    table.route_seen(kDefault, {{1, kGateway}}, false);
    table.route_seen(to("10.1.0.0"), {{1, kGateway}}, false);
    table.route_gone(kDefault, {{1, kGateway}});
    CHECK(names(table) == "eth0");
    table.route_seen(to("10.1.0.0"), {{2, kGateway}}, true);
    CHECK(names(table) == "eth1");
    table.route_gone(to("10.1.0.0"), {{1, kGateway}});  // of the one that was replaced
    CHECK(names(table) == "eth1");
    table.route_seen(to("10.1.0.0"), {}, true);  // a blackhole
    CHECK(names(table).empty());
    table.route_seen(kDefault, {{2, kGateway}}, false);
    table.link_seen(2, "eth1", false, true);
    table.link_seen(2, "eth1", true, true);
    CHECK(names(table).empty());
    CHECK_FALSE(table.misses_routes());
}

TEST_CASE("each hop of a route counts; two gateways behind one interface are two hops") {
    UplinkTable table = two_interfaces();
    table.route_seen(kDefault, {{1, kGateway}, {1, address("10.0.0.2")}, {2, kGateway}}, false);
    CHECK(names(table) == "eth0 eth1");
    table.route_gone(kDefault, {{1, kGateway}});
    CHECK(names(table) == "eth0 eth1");
    table.route_gone(kDefault, {{1, address("10.0.0.2")}, {2, kGateway}});
    CHECK(names(table).empty());
}

TEST_CASE("of many routes some are kept; when these have gone all are read again") {
    UplinkTable table = two_interfaces();
    std::vector<GatewayRoute> routes;
    for (size_t i = 0; i <= UplinkTable::kKept; ++i)
        routes.push_back(to(fmt::format("10.1.0.{}", i)));
    for (const GatewayRoute& route : routes)
        for (int twice = 0; twice < 2; ++twice)  // by notification, and by a dump
            table.route_seen(route, {{1, kGateway}}, false);
    // Replaced one by one by what leads the same way: no reason to read.
    for (const GatewayRoute& route : routes)
        table.route_seen(route, {{1, address("10.0.0.9")}}, true);
    CHECK_FALSE(table.misses_routes());
    for (size_t i = 1; i < routes.size(); ++i)  // the first one came back when there was no place
        table.route_gone(routes[i], {{1, address("10.0.0.9")}});
    CHECK(table.misses_routes());
    table.routes_complete();
    table.route_seen(routes.front(), {{1, kGateway}}, false);
    CHECK(names(table) == "eth0");
    table.route_gone(routes.front(), {{1, kGateway}});
    CHECK(names(table).empty());
    CHECK_FALSE(table.misses_routes());
}

TEST_CASE("a pod's interface is no uplink, under whatever name it was known") {
    LinkTable table({});
    table.link_seen(1, "cali1", true, 0);
    table.uplink_table().link_seen(1, "cali1", true, true);
    table.uplink_table().route_seen(kDefault, {{1, kGateway}}, false);
    CHECK(table.uplinks().empty());
    table.link_seen(1, "eth0", true, 0);
    CHECK(table.uplinks().empty());
}
