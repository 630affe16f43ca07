// SPDX-License-Identifier: Apache-2.0
// The short way between two pods of the node (bpf/redirect.h): what takes it, what it does to the frame, and everything
// that leaves it. Whether the frame arrives is for tests/e2e/fast_path.test.
#include "kernel/conntrack.h"
#include "kernel/redirect_pair.h"

using namespace catflap;
using namespace catflap::test;

namespace {

Packet udp(const std::string& source, uint16_t source_port, const std::string& destination, uint16_t port) {
    return Ethernet{} / Ipv4{.source = source, .destination = destination} /
           Udp{.source_port = source_port, .destination_port = port};
}

// One's complement sum over an IPv4 header: 0 if its checksum is right.
uint16_t checksum_error(const Bytes& frame) {
    uint32_t sum = 0;
    for (size_t i = 14; i < 34; i += 2)
        sum += static_cast<uint32_t>(frame[i] << 8 | frame[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~((sum & 0xffff) + (sum >> 16)));
}

}  // namespace

TEST_SUITE_BEGIN("tracked" * doctest::skip(!kernel_tracks()));

TEST_CASE("redirect: the middle of a connection goes straight to the other pod, both ways, and counts at both") {
    Pair pair;
    pair.connect();
    const auto before = pair.lab.counts(0);
    const auto client_before = pair.lab.counts(1);
    CHECK(pair.from_client(tcp_to_web(kAck)).redirected);
    CHECK(pair.from_web(tcp_from_web(kAck)).redirected);
    const auto after = pair.lab.counts(0);
    const auto client_after = pair.lab.counts(1);
    CHECK(after.to_pod.allowed.bytes == before.to_pod.allowed.bytes + 40);
    CHECK(after.from_pod.allowed.packets == before.from_pod.allowed.packets + 1);
    CHECK(client_after.from_pod.allowed.packets == client_before.from_pod.allowed.packets + 1);
    CHECK(client_after.to_pod.allowed.bytes == client_before.to_pod.allowed.bytes + 40);
    CHECK(pair.learned() >= 2);
}

TEST_CASE("redirect: the frame is as the receiver would have got it") {
    Pair pair;
    pair.connect();
    const Bytes sent = tcp_to_web(kAck);
    // As the node's stack hands it on: its own addresses, one hop further.
    Bytes handed_on = sent;
    for (size_t i = 0; i < 12; ++i)
        handed_on[i] = static_cast<uint8_t>(0x40 + i);
    pair.lab.forget_fast_flows();
    for (int i = 0; i < 2; ++i) {
        REQUIRE(pair.from_client(sent).passed);
        REQUIRE(pair.to_web(handed_on).passed);
    }
    const Outcome outcome = pair.from_client(sent);
    REQUIRE(outcome.redirected);
    Bytes expected = handed_on;
    expected[22] = static_cast<uint8_t>(sent[22] - 1);
    expected[24] = outcome.frame[24];
    expected[25] = outcome.frame[25];
    CHECK(outcome.frame == expected);
    CHECK(checksum_error(sent) == checksum_error(outcome.frame));
}

TEST_CASE("redirect: IPv6") {
    Pair pair;
    const auto there = [](uint8_t flags) {
        return Ethernet{} / Ipv6{.source = "fd00::2", .destination = "fd00::1"} / Tcp{.flags = flags};
    };
    const auto back = [](uint8_t flags) {
        return Ethernet{} / Ipv6{.source = "fd00::1", .destination = "fd00::2"} /
               Tcp{.source_port = 80, .destination_port = 40000, .flags = flags};
    };
    REQUIRE(pair.from_client(there(kSyn)).passed);
    REQUIRE(pair.to_web(there(kSyn)).passed);
    REQUIRE(pair.from_web(back(kSyn | kAck)).passed);
    REQUIRE(pair.to_client(back(kSyn | kAck)).passed);
    for (int i = 0; i < 2; ++i) {
        REQUIRE(pair.from_client(there(kAck)).passed);
        REQUIRE(pair.to_web(there(kAck)).passed);
    }
    const Bytes sent = there(kAck);
    const Outcome outcome = pair.from_client(sent);
    CHECK(outcome.redirected);
    Bytes expected = sent;
    --expected[21];
    CHECK(outcome.frame == expected);
}

TEST_CASE("redirect: what opens or ends a connection, is a fragment or has options goes the whole way") {
    Pair pair;
    pair.connect();
    for (const int flags : {int{kSyn}, kSyn | kAck, kFin | kAck, kRst | kAck}) {
        CAPTURE(flags);
        CHECK_FALSE(pair.from_client(tcp_to_web(static_cast<uint8_t>(flags))).redirected);
        pair.connect();
        REQUIRE(pair.from_client(tcp_to_web(kAck)).redirected);
    }
    const Tcp ack{.source_port = 40000, .destination_port = 80, .flags = kAck};
    const Ipv4 ip{.source = "10.0.0.2", .destination = "10.0.0.1"};
    Ipv4 fragment = ip;
    fragment.more_fragments = true;
    Ipv4 options = ip;
    options.options = Bytes(4, 1);
    CHECK_FALSE(pair.from_client(Ethernet{} / fragment / ack).redirected);
    CHECK_FALSE(pair.from_client(Ethernet{} / options / ack).redirected);
    Bytes expiring = Ethernet{} / ip / ack;
    expiring[22] = 1;  // its time to live
    const Outcome outcome = pair.from_client(expiring);
    CHECK(outcome.passed);
    CHECK_FALSE(outcome.redirected);
    CHECK(outcome.frame == expiring);
    CHECK(pair.from_client(tcp_to_web(kAck)).redirected);
}

TEST_CASE("redirect: a gate that is closed at either end, or to TCP, keeps it to the whole way") {
    for (const uint32_t ifindex : {kWebInterface, kClientInterface})
        for (const auto gate : {CATFLAP_REDIRECT_NOTHING, CATFLAP_REDIRECT_UDP}) {
            CAPTURE(ifindex);
            Pair pair;
            pair.lab.set_gate(ifindex, gate);
            pair.connect();
            CHECK_FALSE(pair.from_client(tcp_to_web(kAck)).redirected);
            CHECK_FALSE(pair.from_web(tcp_from_web(kAck)).redirected);
            CHECK(pair.learned() == 0);
        }
    KernelLab off({.tracked = true});
    off.enforce(cluster_of(shop_pods()), {kWeb, {"shop", "client"}});
    off.set_gate(1, CATFLAP_REDIRECT_TCP_UDP);
    off.set_gate(2, CATFLAP_REDIRECT_TCP_UDP);
    const Bytes datagram = udp("10.0.0.2", 5000, "10.0.0.1", 53);
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(off.send(Hook::from_pod, datagram, {.ifindex = 2}).redirected);
        CHECK(off.send(Hook::to_pod, datagram, {.ifindex = 1, .ingress_ifindex = 2}).passed);
    }
}

TEST_CASE("redirect: with the gate open to UDP, UDP takes the short way") {
    Pair pair("");
    pair.lab.set_gate(kWebInterface, CATFLAP_REDIRECT_UDP);
    const Bytes there = udp("10.0.0.2", 5000, "10.0.0.1", 53);
    const Bytes back = udp("10.0.0.1", 53, "10.0.0.2", 5000);
    for (int i = 0; i < 3; ++i) {
        REQUIRE(pair.from_client(there).passed);
        REQUIRE(pair.to_web(there).passed);
        REQUIRE(pair.from_web(back).passed);
        REQUIRE(pair.to_client(back).passed);
    }
    CHECK(pair.from_client(there).redirected);
    CHECK(pair.from_web(back).redirected);
}

TEST_CASE("redirect: what was translated on its way, or came from elsewhere, shows no short way") {
    // The client sends to a Service, and web receives what was translated; then from a node's address.
    const Bytes to_service = udp("10.0.0.2", 5000, "10.96.0.1", 53);
    const Bytes other_port = udp("10.0.0.2", 5000, "10.0.0.1", 54);
    const Bytes plain = udp("10.0.0.2", 5000, "10.0.0.1", 53);
    const Bytes masqueraded = udp("10.255.0.1", 5000, "10.0.0.1", 53);
    for (const auto& [sent, received] : std::vector<std::pair<Bytes, Bytes>>{
             {to_service, plain}, {other_port, plain}, {plain, other_port}, {plain, masqueraded}}) {
        Pair pair("");
        for (int i = 0; i < 3; ++i) {
            CHECK_FALSE(pair.from_client(sent).redirected);
            CHECK(pair.to_web(received).passed);
        }
        CHECK(pair.learned() == 0);
    }
    Pair pair("");
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(pair.from_client(plain).redirected);
        for (const uint32_t from : {0U, 1U, 3U, 99U})
            CHECK(pair.lab.run(Hook::to_pod, plain, {.ifindex = kWebInterface, .ingress_ifindex = from}));
    }
    CHECK(pair.learned() == 0);
}

TEST_CASE("redirect: equal ends do not suffice where nf_conntrack translates the connection") {
    Pair pair("");
    const Conntrack conntrack;
    const Bytes plain = udp("10.0.0.2", 5000, "10.0.0.1", 53);
    // The client's other connection, to a Service before web, looks at web's interface like this one at the client's.
    Conntrack::know(
        "-s 10.0.0.2 -d 10.96.0.1 --sport 5000 --dport 53 -r 10.0.0.1 -q 10.0.0.2 --reply-port-src 53 "
        "--reply-port-dst 5000",
        "udp");
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(pair.from_client(plain).redirected);
        CHECK(pair.to_web(plain).passed);
    }
    CHECK(pair.learned() == 0);
}

TEST_CASE("redirect: nf_conntrack sees the whole handshake") {
    Pair pair;
    REQUIRE(pair.from_client(tcp_to_web(kSyn)).passed);
    REQUIRE(pair.to_web(tcp_to_web(kSyn)).passed);
    REQUIRE(pair.from_web(tcp_from_web(kSyn | kAck)).passed);
    REQUIRE(pair.to_client(tcp_from_web(kSyn | kAck)).passed);
    CHECK_FALSE(pair.from_client(tcp_to_web(kAck)).redirected);
    CHECK_FALSE(pair.from_web(tcp_from_web(kAck)).redirected);
}

TEST_CASE(
    "redirect: what would not fit the receiver's interface goes the whole way, and a UDP flow's first packets do") {
    Pair pair;
    pair.connect();
    const Bytes large = Ethernet{} / Ipv4{.source = "10.0.0.2", .destination = "10.0.0.1"} /
                        Tcp{.source_port = 40000, .destination_port = 80, .flags = kAck} / Payload{Bytes(1461)};
    CHECK_FALSE(pair.from_client(large).redirected);
    CHECK(pair.from_client(large).passed);
    Pair settling("", {.settle_jiffies = uint64_t{1} << 40});
    const Bytes datagram = udp("10.0.0.2", 5000, "10.0.0.1", 53);
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(settling.from_client(datagram).redirected);
        REQUIRE(settling.to_web(datagram).passed);
    }
    REQUIRE(settling.learned() >= 1);
    settling.connect();
    CHECK(settling.from_client(tcp_to_web(kAck)).redirected);
}

TEST_SUITE_END();
