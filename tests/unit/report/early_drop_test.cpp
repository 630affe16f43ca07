// SPDX-License-Identifier: Apache-2.0
#include "report/early_drop.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace catflap::report;
using nlohmann::json;

TEST_CASE("early drop: on, on for some, and off, with the reason") {
    CHECK(to_json(EarlyDropRow{"", "tc", {{"eth0", ""}}}) ==
          json{{"state", "on"}, {"reason", ""}, {"hook", "tc"}, {"uplinks", {{{"name", "eth0"}, {"refusal", ""}}}}});
    const json some = to_json(EarlyDropRow{"", "xdp-native", {{"eth0", ""}, {"eth1", "busy"}}});
    CHECK(some["state"] == "partly");
    CHECK(some["reason"] == "eth1: busy");
    CHECK(to_json(EarlyDropRow{"", "tc", {{"eth1", "busy"}}})["state"] == "off");
    const json off = to_json(EarlyDropRow{"--early-drop off", "tc", {}});
    CHECK(off["state"] == "off");
    CHECK(off["reason"] == "--early-drop off");
    const json nowhere = to_json(EarlyDropRow{"", "tc", {}});
    CHECK(nowhere["state"] == "off");
    CHECK(nowhere["reason"].get<std::string>().starts_with("no interface is an uplink"));
    CHECK(words_of({"", "tc", {{"eth0", ""}, {"eth1", ""}}}) == "on for eth0, eth1 (tc)");
}
