// SPDX-License-Identifier: Apache-2.0
// What the datapath tells of single packets (bpf/event.h): who is told, of what, and how much of it.
#include <netinet/in.h>

#include <vector>

#include "kernel/conntrack.h"
#include "kernel/fixture.h"
#include "kernel/maps/address_table.h"

using namespace catflap;
using namespace catflap::test;
using namespace std::chrono_literals;
using kernel::UplinkProgram;

namespace {

constexpr uint32_t kAll = CATFLAP_LISTEN_DROPS | CATFLAP_LISTEN_FLOWS;

void listen(Shop& shop, uint32_t what, std::chrono::milliseconds at_most = 1h) {
    const auto done = shop.lab.datapath().listen(what, at_most);
    REQUIRE_MESSAGE(done, done.error().message);
}

std::vector<catflap_event> events_of(Shop& shop, size_t most = 10'000) {
    std::vector<catflap_event> events;
    const size_t count =
        shop.lab.datapath().read_events(most, [&](const catflap_event& event) { events.push_back(event); });
    CHECK(count == events.size());
    return events;
}

catflap_event_losses losses_of(Shop& shop) {
    const auto losses = shop.lab.datapath().event_losses();
    REQUIRE(losses);
    return *losses;
}

std::string text(const catflap_address& address) {
    return to_string(kernel::model_address(address));
}

const compile::DecisionKey* decision(Shop& shop, const catflap_event& event) {
    return shop.lab.committer().loaded().decisions.key(event.rule);
}

Packet udp(const std::string& source, uint16_t source_port, const std::string& destination, uint16_t port) {
    return Ethernet{} / Ipv4{.source = source, .destination = destination} /
           Udp{.source_port = source_port, .destination_port = port};
}

}  // namespace

TEST_CASE("events: nobody listens, nothing is told") {
    Shop shop;
    CHECK_FALSE(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    listen(shop, 0);
    CHECK_FALSE(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    listen(shop, CATFLAP_LISTEN_DROPS);
    CHECK(events_of(shop).empty());
    CHECK(losses_of(shop).limited == 0);
    CHECK(losses_of(shop).full == 0);
}

TEST_CASE("events: a drop by policy, with its packet and its decision") {
    Shop shop;
    listen(shop, CATFLAP_LISTEN_DROPS);
    CHECK_FALSE(shop.to(tcp_to_web(kSyn, "10.0.0.3", 81, 40001)));
    CHECK(shop.to(tcp_to_web(kSyn)));  // is not told
    const auto events = events_of(shop);
    REQUIRE(events.size() == 1);
    const catflap_event& event = events[0];
    CHECK(event.reason == CATFLAP_REASON_POLICY);
    CHECK(event.direction == CATFLAP_TO_POD);
    CHECK(event.slot == shop.lab.committer().loaded().endpoints.at(1).slot);
    CHECK(event.ifindex == 1);
    CHECK(event.sender_ifindex == 99);
    CHECK(event.uplink == 0);
    CHECK(text(event.source) == "10.0.0.3");
    CHECK(text(event.destination) == "10.0.0.1");
    CHECK(event.source_port == 40001);
    CHECK(event.destination_port == 81);
    CHECK(event.protocol == IPPROTO_TCP);
    CHECK(event.tcp_flags == kSyn);
    CHECK(event.packets == 1);
    CHECK(event.ip_bytes == 40);
    CHECK(event.frame_bytes == 54);
    CHECK(event.head_bytes == 0);
    REQUIRE(decision(shop, event) != nullptr);
    CHECK(decision(shop, event)->is_default);
    CHECK(decision(shop, event)->policies == std::vector<PolicyName>{ObjectName{"shop", "web"}});
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t now_ns = static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
    CHECK(event.at_ns <= now_ns);
    CHECK(now_ns - event.at_ns < 10'000'000'000);
}

TEST_CASE("events: other reasons, other families, the other direction") {
    Shop shop(egress_policy());
    listen(shop, CATFLAP_LISTEN_DROPS);
    CHECK_FALSE(shop.from(udp("10.0.0.1", 5000, "10.0.0.3", 53)));
    CHECK_FALSE(shop.from(udp("10.0.0.9", 5000, "10.0.0.2", 53)));
    CHECK_FALSE(shop.from(Ethernet{.ethertype = 0x88cc} / Payload{Bytes(60)}));
    CHECK_FALSE(shop.from(Ethernet{} / Ipv6{.source = "fd00::1", .destination = "fd00::3"} / Udp{}));
    CHECK_FALSE(shop.lab.run(Hook::from_pod, tcp_from_web(kSyn), {.ifindex = 7}));
    const auto events = events_of(shop);
    REQUIRE(events.size() == 5);
    CHECK(events[0].reason == CATFLAP_REASON_POLICY);
    CHECK(events[0].direction == CATFLAP_FROM_POD);
    CHECK(events[1].reason == CATFLAP_REASON_SPOOFED_SOURCE);
    CHECK(text(events[1].source) == "10.0.0.9");
    CHECK(events[1].rule == CATFLAP_RULE_NONE);
    CHECK(events[2].reason == CATFLAP_REASON_ETHERTYPE);
    CHECK(kernel::model_address(events[2].source).is_unset());
    CHECK(text(events[3].destination) == "fd00::3");
    CHECK(events[4].reason == CATFLAP_REASON_UNKNOWN_ENDPOINT);
    CHECK(events[4].slot == CATFLAP_EVENT_NO_SLOT);
    CHECK(events[4].ifindex == 7);
}

TEST_CASE("events: the beginning of the frame, where it was asked for") {
    Shop shop;
    listen(shop, CATFLAP_LISTEN_DROPS | CATFLAP_LISTEN_HEADS);
    const Bytes small = tcp_to_web(kSyn, "10.0.0.3");
    const Bytes large =
        Ethernet{} / Ipv4{.source = "10.0.0.3", .destination = "10.0.0.1"} / Udp{} / Payload{Bytes(900, 7)};
    CHECK_FALSE(shop.to(small));
    CHECK_FALSE(shop.to(large));
    const auto events = events_of(shop);
    REQUIRE(events.size() == 2);
    CHECK(Bytes(events[0].head, events[0].head + events[0].head_bytes) == small);
    CHECK(events[1].head_bytes == CATFLAP_EVENT_HEAD_BYTES);
    CHECK(events[1].frame_bytes == large.size());
    CHECK(std::equal(events[1].head, events[1].head + CATFLAP_EVENT_HEAD_BYTES, large.begin()));
}

TEST_CASE("events: audit drops nothing, and tells what it would have dropped") {
    Shop shop(web_policy(), {.audit = true});
    listen(shop, CATFLAP_LISTEN_DROPS);
    CHECK(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    CHECK(events_of(shop).size() == 1);
}

TEST_CASE("events: a flood has its share, and what is beyond it is counted") {
    Shop shop;
    listen(shop, CATFLAP_LISTEN_DROPS);
    constexpr uint64_t kFlood = 1000;
    const auto begin = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < kFlood; ++i)
        CHECK_FALSE(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    const auto took = std::chrono::steady_clock::now() - begin;
    const uint64_t told = events_of(shop).size();
    const auto refilled = static_cast<uint64_t>(took / std::chrono::nanoseconds(CATFLAP_EVENT_INTERVAL_NS)) + 2;
    CHECK(told >= CATFLAP_EVENT_BURST);
    CHECK(told <= CATFLAP_EVENT_BURST + refilled);
    CHECK(losses_of(shop).limited == kFlood - told);
    CHECK(losses_of(shop).full == 0);
    // Another endpoint's share is its own.
    CHECK_FALSE(shop.lab.run(Hook::from_pod, tcp_from_web(kSyn), {.ifindex = 7}));
    CHECK(events_of(shop).size() == 1);
}

TEST_CASE("events: they are read in parts, and what finds no place in the ring is counted") {
    Shop shop;
    listen(shop, CATFLAP_LISTEN_DROPS);
    uint64_t sent = 0;
    // Each round empties the endpoint's bucket, and fills it again.
    std::vector<uint64_t> none(CATFLAP_EVENT_BUCKETS, 0);
    const int buckets = shop.lab.datapath().map_fd("event_buckets");
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 90; ++i, ++sent)
            CHECK_FALSE(shop.to(tcp_to_web(kSyn, "10.0.0.3", 81, static_cast<uint16_t>(sent))));
        const uint32_t bucket = catflap_event_bucket(shop.lab.committer().loaded().endpoints.at(1).slot, 0);
        const uint64_t due_now = 0;
        REQUIRE(bpf_map_update_elem(buckets, &bucket, &due_now, BPF_ANY) == 0);
    }
    uint16_t next = 0;
    const auto some = events_of(shop, 7);
    REQUIRE(some.size() == 7);
    for (const catflap_event& event : some)
        CHECK(event.source_port == next++);
    const auto rest = events_of(shop);
    CHECK(rest.size() > 1000);
    CHECK(rest.front().source_port == next);
    CHECK(losses_of(shop).full == sent - 7 - rest.size());
    CHECK(losses_of(shop).full > 0);
    CHECK(losses_of(shop).limited == 0);
    CHECK(events_of(shop).empty());
}

TEST_CASE("events: the switch turns itself off, and a new listener is not told of before") {
    Shop shop;
    listen(shop, CATFLAP_LISTEN_DROPS, 0ms);
    usleep(20'000);  // more than a tick of the coarse clock
    CHECK_FALSE(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    CHECK(events_of(shop).empty());
    listen(shop, CATFLAP_LISTEN_DROPS);
    CHECK_FALSE(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    listen(shop, 0);
    listen(shop, CATFLAP_LISTEN_DROPS);
    CHECK(events_of(shop).empty());
}

TEST_CASE("events: flows that pass, by the flow cache") {
    Shop shop(web_policy(), {.tracked = false});
    listen(shop, CATFLAP_LISTEN_FLOWS);
    CHECK_FALSE(shop.to(tcp_to_web(kSyn, "10.0.0.3")));  // not asked for
    CHECK(shop.to(tcp_to_web(kSyn)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck)));
    CHECK(shop.to(tcp_to_web(kAck)));
    CHECK(shop.by_host(udp("10.255.0.1", 9, "10.0.0.1", 9)));
    const auto events = events_of(shop);
    REQUIRE(events.size() == 2);
    CHECK(events[0].reason == CATFLAP_REASON_NONE);
    CHECK(events[0].tcp_flags == kSyn);
    REQUIRE(decision(shop, events[0]) != nullptr);
    CHECK_FALSE(decision(shop, events[0])->is_default);
    CHECK(text(events[1].source) == "10.255.0.1");
    CHECK(events[1].rule == CATFLAP_RULE_NONE);
}

TEST_SUITE_BEGIN("tracked" * doctest::skip(!kernel_tracks()));

TEST_CASE("events: flows that pass, by nf_conntrack") {
    Shop shop(web_policy(), {.tracked = true});
    listen(shop, kAll);
    CHECK(shop.to(tcp_to_web(kSyn)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck)));
    CHECK(shop.to(tcp_to_web(kAck)));
    CHECK(shop.from(udp("10.0.0.1", 5000, "10.0.0.3", 53)));
    CHECK(shop.to(udp("10.0.0.3", 53, "10.0.0.1", 5000)));
    shop.lab.forget_fast_flows();
    CHECK(shop.from(udp("10.0.0.1", 5000, "10.0.0.3", 53)));
    const auto events = events_of(shop);
    REQUIRE(events.size() == 2);
    CHECK(events[0].tcp_flags == kSyn);
    CHECK(events[0].direction == CATFLAP_TO_POD);
    CHECK(events[1].direction == CATFLAP_FROM_POD);
    CHECK(events[1].destination_port == 53);
    CHECK(events[1].rule == CATFLAP_RULE_NONE);
}

TEST_CASE("events: what is dropped early is told, too") {
    for (const UplinkProgram hook : {UplinkProgram::from_uplink, UplinkProgram::early_drop_xdp}) {
        CAPTURE(static_cast<int>(hook));
        Shop shop(web_policy(), {.tracked = true, .early_drop = true});
        listen(shop, CATFLAP_LISTEN_DROPS | CATFLAP_LISTEN_HEADS);
        const Bytes frame = tcp_to_web(kSyn, "10.0.0.3", 81);
        CHECK_FALSE(shop.lab.comes_in(hook, frame));
        const auto events = events_of(shop);
        REQUIRE(events.size() == 1);
        CHECK(events[0].uplink == 1);
        CHECK(events[0].direction == CATFLAP_TO_POD);
        CHECK(events[0].slot == shop.lab.committer().loaded().endpoints.at(1).slot);
        CHECK(text(events[0].source) == "10.0.0.3");
        CHECK(events[0].destination_port == 81);
        CHECK(events[0].head_bytes == frame.size());
        CHECK(std::equal(frame.begin() + 12, frame.end(), events[0].head + 12));
        REQUIRE(decision(shop, events[0]) != nullptr);
        CHECK(decision(shop, events[0])->policies == std::vector<PolicyName>{ObjectName{"shop", "web"}});
    }
}

TEST_SUITE_END();
