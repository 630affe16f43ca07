// SPDX-License-Identifier: Apache-2.0
// The lines of `catflap monitor` are a contract: docs/cli.md.
#include "report/event.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace catflap::report;
using nlohmann::json;

TEST_CASE("an event's line has every field, and the frame only where it was asked for") {
    EventRow row;
    row.at = std::chrono::system_clock::time_point(std::chrono::microseconds(1'700'000'000'000'042));
    row.direction = "Ingress";
    row.pod = "shop/web";
    row.interface = "cali1";
    row.hook = "veth";
    row.source = {"10.0.0.2", 40000, "shop/client"};
    row.destination = {"10.0.0.1", 80, "shop/web"};
    row.protocol = "TCP";
    row.tcp_flags = "SYN";
    row.reason = "policy";
    row.policies = {"shop/web"};
    row.packets = 1;
    row.bytes = 40;
    row.frame_bytes = 54;
    row.head = {0x00, 0xff, 0x1a};
    json expected = {{"time", "2023-11-14T22:13:20.000042Z"},
                     {"verdict", "dropped"},
                     {"direction", "Ingress"},
                     {"pod", "shop/web"},
                     {"interface", "cali1"},
                     {"hook", "veth"},
                     {"source", {{"address", "10.0.0.2"}, {"port", 40000}, {"name", "shop/client"}}},
                     {"destination", {{"address", "10.0.0.1"}, {"port", 80}, {"name", "shop/web"}}},
                     {"protocol", "TCP"},
                     {"tcpFlags", "SYN"},
                     {"reason", "policy"},
                     {"policies", {"shop/web"}},
                     {"rule", ""},
                     {"packets", 1},
                     {"bytes", 40}};
    const std::string line = to_line(row, false);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(json::parse(line) == expected);
    expected["frameBytes"] = 54;
    expected["head"] = "00ff1a";
    CHECK(json::parse(to_line(row, true)) == expected);
    row.verdict = PacketVerdict::would_drop;
    CHECK(json::parse(to_line(row, false))["verdict"] == "wouldDrop");
    row.verdict = PacketVerdict::allowed;
    CHECK(json::parse(to_line(row, false))["verdict"] == "allowed");
}

TEST_CASE("losses have a sum and their causes") {
    LostEvents lost;
    lost.limited = 5;
    lost.full = 2;
    lost.unread = 1;
    json line = json::parse(to_line(lost));
    line.erase("time");
    CHECK(line == json{{"lost", 8}, {"limited", 5}, {"full", 2}, {"unread", 1}});
}

TEST_CASE("fields of a question that are missing or of another type ask for everything") {
    const MonitorQuestion all = parse_monitor({{"command", "monitor"}, {"pod", 7}, {"flows", "yes"}});
    CHECK(all.pod.empty());
    CHECK_FALSE(all.flows);
    const MonitorQuestion one =
        parse_monitor({{"flows", true}, {"heads", true}, {"namespace", "shop"}, {"port", "80"}});
    CHECK(one.flows);
    CHECK(one.heads);
    CHECK(one.ns == "shop");
    CHECK(one.port == "80");
}
