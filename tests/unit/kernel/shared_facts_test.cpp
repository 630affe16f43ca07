// SPDX-License-Identifier: Apache-2.0
// What programs and userspace read from the same headers (include/catflap), against what RFCs and docs say.
#include <catflap/flow.h>
#include <catflap/link_maintenance.h>
#include <catflap/ports.h>
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "kernel/maps/map_names.h"

using namespace catflap::kernel;

TEST_CASE("slot and protocol of a key come back as they went in") {
    for (const uint32_t slot : {0U, 1U, uint32_t{CATFLAP_MAX_ENDPOINTS - 1}})
        for (const uint8_t protocol : std::initializer_list<uint8_t>{0, 6, 17, 132, 255}) {
            const uint32_t word = catflap_slot_protocol(slot, protocol);
            CHECK(catflap_slot_of(word) == slot);
            CHECK(catflap_protocol_of(word) == protocol);
        }
}

TEST_CASE("TCP, UDP and SCTP have port pages of their own, and nothing else has any") {
    std::set<uint32_t> pages;
    for (int protocol = 0; protocol < 256; ++protocol)
        if (const uint32_t first = catflap_first_port_page(static_cast<uint8_t>(protocol)); first != CATFLAP_PORT_PAGES)
            for (uint32_t page = first; page < first + CATFLAP_PAGES_PER_PROTOCOL; ++page)
                CHECK(pages.insert(page).second);
    CHECK(pages.size() == CATFLAP_PORT_PAGES);
    CHECK(*pages.rbegin() == CATFLAP_PORT_PAGES - 1);
    for (const int protocol : {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP})
        CHECK(catflap_first_port_page(static_cast<uint8_t>(protocol)) < CATFLAP_PORT_PAGES);
}

TEST_CASE("a flow is current in its generation; the node's own always, with keep once both sides have spoken") {
    catflap_flow flow{};
    flow.generation = 7;
    flow.state = CATFLAP_FLOW_ESTABLISHED;
    CHECK(catflap_flow_current(&flow, 7, 0));
    CHECK_FALSE(catflap_flow_current(&flow, 8, 0));
    CHECK(catflap_flow_current(&flow, 8, 1));
    flow.state = CATFLAP_FLOW_OPENING;
    CHECK_FALSE(catflap_flow_current(&flow, 8, 1));
    flow.opener = CATFLAP_OPENER_HOST;
    CHECK(catflap_flow_current(&flow, 8, 0));
}

TEST_CASE("a flow belongs to the pod that had the slot when it was judged, also when generations wrap") {
    catflap_flow flow{};
    flow.generation = 7;
    CHECK(catflap_flow_of_this_pod(&flow, 7));
    CHECK_FALSE(catflap_flow_of_this_pod(&flow, 8));
    flow.generation = 1;
    CHECK(catflap_flow_of_this_pod(&flow, 0xfffffffe));
}

TEST_CASE("a flow expires a moment after its timeout, and not where the clock seems to go back") {
    catflap_flow flow{};
    flow.state = CATFLAP_FLOW_OPENING;
    flow.last_seen_ns = 1000 * CATFLAP_SECOND_NS;
    CHECK_FALSE(catflap_flow_expired(&flow, IPPROTO_UDP, 1030 * CATFLAP_SECOND_NS));
    CHECK(catflap_flow_expired(&flow, IPPROTO_UDP, 1030 * CATFLAP_SECOND_NS + 1));
    CHECK_FALSE(catflap_flow_expired(&flow, IPPROTO_UDP, 999 * CATFLAP_SECOND_NS));
}

// RFC 4861, 4.1 to 4.5 and 11.2; RFC 2710, 3; RFC 3810, 5.
TEST_CASE("link maintenance: discovery with hop limit 255, listener messages with 1, no routers among pods") {
    const std::set<int> discovery = {133, 134, 135, 136, 137};
    const std::set<int> listener = {130, 131, 132, 143};
    for (int type = 0; type < 256; ++type)
        for (int hops = 0; hops < 256; ++hops) {
            const bool to_pod = (discovery.contains(type) && hops == 255) || (listener.contains(type) && hops == 1);
            const bool from_pod = to_pod && type != 134 && type != 137;
            const auto passes = [&](int from) {
                return catflap_is_link_message(static_cast<uint8_t>(type), static_cast<uint8_t>(hops), from) != 0;
            };
            REQUIRE(passes(0) == to_pod);
            REQUIRE(passes(1) == from_pod);
        }
}

TEST_CASE("the names of maps that outlive an agent are a contract with the next one") {
    const auto names = [](const auto& rows) {
        std::set<std::string> result;
        for (const MapRow& row : rows)
            result.insert(row.name);
        return result;
    };
    CHECK(names(kKeptMaps) == std::set<std::string>{"flows", "fragments", "rule_counters", "endpoint_counters",
                                                    "drop_counters", "health_counters"});
    CHECK(names(kStateMaps) == std::set<std::string>{"interfaces", "endpoint_configs", "ipv4_addresses",
                                                     "ipv6_addresses", "cidrs", "port_pages", "table_pages"});
    CHECK(std::set<std::string>(kLedgerMaps.begin(), kLedgerMaps.end()) ==
          std::set<std::string>{"decision_names", "policy_totals", "generations"});
}
