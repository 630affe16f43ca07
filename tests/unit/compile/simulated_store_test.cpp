// SPDX-License-Identifier: Apache-2.0
// The simulation sees what a commit must not do.
#include "support/executors/simulated_store.h"

#include <doctest/doctest.h>

using namespace catflap;
using namespace catflap::test;

namespace {

constexpr auto kIngress = resolve::Direction::ingress;
const Address kRemote = parse_address("10.0.0.9").value();

// One endpoint on interface 1: rows on page 0, columns on page 1, cells on page 2, decision 1 everywhere.
struct OneTable {
    SimulatedStore store;
    catflap_endpoint_config config{};

    OneTable() {
        const std::vector<uint32_t> zeros(CATFLAP_PAGE_U32);
        for (const uint32_t page : {0U, 1U})
            REQUIRE(store.write_pages(page, zeros));
        REQUIRE(store.write_pages(2, std::vector<uint32_t>{1, CATFLAP_CELL_ALLOW | 2}));
        config.tables[CATFLAP_FROM_POD].open = 1;
        config.tables[CATFLAP_TO_POD] = {0, 1, 2, CATFLAP_PAGE_U16, CATFLAP_PAGE_U16, 1, 2, 0};
        REQUIRE(store.name_decision(1, {}));
        REQUIRE(store.write_config(1, config));
        REQUIRE(store.publish(1, 1));
        CHECK(store.violations().empty());
    }
    Verdict judge() const { return store.judge(1, kIngress, kRemote, 6, 80).value(); }
};

}  // namespace

TEST_CASE("the walk is the datapath's") {
    OneTable one;
    CHECK(one.judge() == Verdict{Verdict::Kind::drop, 1});
    REQUIRE(one.store.set_u16(0, 5, 1));
    REQUIRE(one.store.set_prefixes(std::vector{std::pair(Prefix::host(kRemote), 5U)}));
    CHECK(one.judge() == Verdict{Verdict::Kind::allow, 2});
    REQUIRE(one.store.set_addresses(std::vector{std::pair(kRemote, 6U)}));
    CHECK(one.judge() == Verdict{Verdict::Kind::drop, 1});
    CHECK(one.store.judge(1, resolve::Direction::egress, kRemote, 1, 0) == Verdict{Verdict::Kind::allow, 0});
    CHECK_FALSE(one.store.judge(2, kIngress, kRemote, 6, 80));
}

TEST_CASE("the trie knows no families, the longest match wins") {
    OneTable one;
    REQUIRE(one.store.set_u16(0, 5, 1));
    REQUIRE(one.store.set_prefixes(std::vector{std::pair(Prefix(Address{}, 0), 5U)}));
    CHECK(one.judge().kind == Verdict::Kind::allow);
    REQUIRE(one.store.set_prefixes(std::vector{std::pair(Prefix(kRemote, 96), 0U)}));
    CHECK(one.judge().kind == Verdict::Kind::drop);
}

TEST_CASE("a class beyond the table is a contradiction") {
    OneTable one;
    REQUIRE(one.store.set_addresses(std::vector{std::pair(kRemote, CATFLAP_PAGE_U16 + 0U)}));
    CHECK(one.judge().kind == Verdict::Kind::contradiction);
}

TEST_CASE("pages, configs and slots are not written while they are reached") {
    OneTable one;
    REQUIRE(one.store.write_pages(1, std::vector<uint32_t>{0}));
    CHECK(one.store.violations().size() == 1);
    REQUIRE(one.store.write_config(1, one.config));
    CHECK(one.store.violations().size() == 2);
    REQUIRE(one.store.clear_endpoint_counters(0));
    CHECK(one.store.violations().size() == 3);
    REQUIRE(one.store.write_pages(3, std::vector<uint32_t>{0}));
    CHECK(one.store.violations().size() == 3);
}

TEST_CASE("nor before the packets that reached them have gone") {
    OneTable one;
    REQUIRE(one.store.withdraw(1));
    REQUIRE(one.store.write_pages(2, std::vector<uint32_t>{0}));
    CHECK(one.store.violations().size() == 1);
    REQUIRE(one.store.wait_for_packets());
    REQUIRE(one.store.write_pages(2, std::vector<uint32_t>{0}));
    REQUIRE(one.store.write_config(1, one.config));
    CHECK(one.store.violations().size() == 1);
}

TEST_CASE("a decision means one thing as long as a table uses it") {
    OneTable one;
    compile::DecisionKey other;
    other.rule_index = 1;
    REQUIRE(one.store.name_decision(9, other));
    REQUIRE(one.store.name_decision(1, {}));
    CHECK(one.store.violations().empty());
    REQUIRE(one.store.name_decision(1, other));
    CHECK(one.store.violations().size() == 1);
}

TEST_CASE("the row of a class changes only while no packet can meet the class") {
    OneTable one;
    REQUIRE(one.store.set_addresses(std::vector{std::pair(kRemote, 5U)}));
    REQUIRE(one.store.remove_addresses(std::vector{kRemote}));
    REQUIRE(one.store.set_u16(0, 5, 1));
    CHECK(one.store.violations().size() == 1);
    REQUIRE(one.store.wait_for_packets());
    REQUIRE(one.store.set_u16(0, 5, 0));
    CHECK(one.store.violations().size() == 1);
}

TEST_CASE("every element of a bulk call is a store of its own") {
    SimulatedStore store;
    std::vector<std::string> events;
    store.after_store = [&](const StoreEvent& event) { events.push_back(event.what); };
    REQUIRE(store.set_addresses(std::vector{std::pair(kRemote, 5U), std::pair(Address{}, 6U)}));
    REQUIRE(store.set_ports(Protocol::udp, 10, 12, 3));
    REQUIRE(store.write_pages(4, std::vector<uint32_t>(CATFLAP_PAGE_U32 + 1)));
    REQUIRE(store.publish(1, 0));
    CHECK(events.size() == 2 + 3 + 2 + 1);
}
