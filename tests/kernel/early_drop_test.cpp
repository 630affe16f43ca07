// SPDX-License-Identifier: Apache-2.0
// Early drop on the uplinks (bpf/early_drop.h): it drops what to_pod would drop and what belongs to no connection, and
// nothing else.
#include "kernel/conntrack.h"
#include "kernel/fixture.h"

using namespace catflap;
using namespace catflap::test;
using kernel::UplinkProgram;

namespace {

const LabOptions kEarly{.tracked = true, .early_drop = true};

Packet udp(const std::string& source, uint16_t source_port, const std::string& destination, uint16_t port) {
    return Ethernet{} / Ipv4{.source = source, .destination = destination} /
           Udp{.source_port = source_port, .destination_port = port};
}

Packet syn6(const std::string& source, uint16_t port) {
    return Ethernet{} / Ipv6{.source = source, .destination = "fd00::1"} / Tcp{.destination_port = port};
}

constexpr std::array kHooks = {UplinkProgram::from_uplink, UplinkProgram::early_drop_xdp};

}  // namespace

TEST_SUITE_BEGIN("tracked" * doctest::skip(!kernel_tracks()));

TEST_CASE("early drop: what the pod's policies deny is dropped once, and counted as at its interface") {
    for (const UplinkProgram hook : kHooks) {
        CAPTURE(static_cast<int>(hook));
        Shop shop(web_policy(), kEarly);
        const auto rule_drops = [&] {
            uint64_t sum = 0;
            for (const auto& [key, number] : shop.lab.committer().loaded().decisions.numbers())
                if (key.is_default)
                    sum += shop.lab.datapath().ledger().count(number).packets;
            return sum;
        };
        const std::vector<Bytes> denied = {tcp_to_web(kSyn, "10.0.0.3"), tcp_to_web(kSyn, "10.0.0.2", 81),
                                           udp("10.0.0.2", 5000, "10.0.0.1", 80), syn6("fd00::3", 80),
                                           udp("192.0.2.9", 1, "10.0.0.1", 80)};
        uint64_t count = 0;
        for (const Bytes& frame : denied) {
            CHECK_FALSE(shop.lab.comes_in(hook, frame));
            CHECK_FALSE(shop.to(frame));  // and to_pod agrees
            ++count;
            CHECK(shop.lab.drops(CATFLAP_REASON_POLICY) == 2 * count);
            CHECK(shop.lab.counts().to_pod.dropped.packets == 2 * count);
            CHECK(rule_drops() == 2 * count);
        }
    }
}

TEST_CASE("early drop: what they admit goes on, uncounted") {
    for (const UplinkProgram hook : kHooks) {
        Shop shop(web_policy(), kEarly);
        for (const Bytes& frame : {Bytes(tcp_to_web(kSyn)), Bytes(syn6("fd00::2", 80))})
            CHECK(shop.lab.comes_in(hook, frame));
        CHECK(shop.lab.counts().to_pod.allowed.packets == 0);
        Shop open("", kEarly);
        CHECK(open.lab.comes_in(hook, tcp_to_web(kSyn, "10.0.0.3")));
        CHECK(open.lab.comes_in(hook, udp("10.0.0.3", 5000, "10.0.0.1", 80)));
    }
}

TEST_CASE("early drop: an admitted datagram's verdict is not made twice, and counts once, for its rule") {
    const std::string datagrams = R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{protocol: UDP, port: 53}]}]
)";
    constexpr uint32_t kUplink = 2;
    Shop shop(datagrams, kEarly);
    const auto comes_in = [&](const Bytes& frame) {
        return shop.lab.run(Hook::from_uplink, frame, {.ifindex = kUplink, .ingress_ifindex = kUplink});
    };
    const auto to = [&](const Bytes& frame) { return shop.lab.run(Hook::to_pod, frame, {.ingress_ifindex = kUplink}); };
    const Bytes datagram = udp("10.0.0.2", 5000, "10.0.0.1", 53);
    CHECK(comes_in(datagram));
    CHECK(shop.lab.counts().to_pod.allowed.packets == 0);
    CHECK(to(datagram));
    CHECK(shop.lab.counts().to_pod.allowed.packets == 1);
    uint64_t of_rules = 0;
    for (const auto& [key, number] : shop.lab.committer().loaded().decisions.numbers())
        if (!key.is_default)
            of_rules += shop.lab.datapath().ledger().count(number).packets;
    CHECK(of_rules == 1);
    CHECK_FALSE(to(udp("10.0.0.2", 5000, "10.0.0.1", 54)));
    CHECK_FALSE(to(udp("10.0.0.3", 5000, "10.0.0.1", 53)));
    shop.enforce(web_policy());  // which admits TCP alone
    CHECK_FALSE(to(datagram));
}

TEST_CASE("early drop: what belongs to a connection goes on") {
    for (const UplinkProgram hook : kHooks) {
        Shop shop(web_policy(), kEarly);
        const Bytes answer = udp("10.0.0.3", 53, "10.0.0.1", 5000);
        CHECK_FALSE(shop.lab.comes_in(hook, answer));
        REQUIRE(shop.from(udp("10.0.0.1", 5000, "10.0.0.3", 53)));
        CHECK(shop.lab.comes_in(hook, answer));
        CHECK_FALSE(shop.lab.comes_in(hook, udp("10.0.0.3", 54, "10.0.0.1", 5000)));
        // A Service's backend answers; its address is translated back only behind the uplink.
        Conntrack::know(
            "-s 10.0.0.1 -d 10.96.0.1 --sport 5001 --dport 53 -r 10.0.0.3 -q 10.0.0.1 --reply-port-src 5353 "
            "--reply-port-dst 5001",
            "udp");
        CHECK(shop.lab.comes_in(hook, udp("10.0.0.3", 5353, "10.0.0.1", 5001)));
        CHECK_FALSE(shop.lab.comes_in(hook, udp("10.0.0.3", 53, "10.0.0.1", 5001)));
        // Both ends at once: the pod's SYN is on its way.
        REQUIRE(shop.from(tcp_from_web(kSyn, "10.0.0.3", 81)));
        CHECK(shop.lab.comes_in(hook, tcp_to_web(kSyn, "10.0.0.3", 81)));
    }
}

TEST_CASE("early drop: what is not certain goes on") {
    for (const UplinkProgram hook : kHooks) {
        Shop shop(web_policy(), kEarly);
        const Ipv4 from_other{.source = "10.0.0.3", .destination = "10.0.0.1"};
        Ipv4 fragment = from_other;
        fragment.more_fragments = true;
        Ipv4 options = from_other;
        options.options = Bytes(4, 1);
        const std::vector<Bytes> frames = {
            udp("10.0.0.3", 5000, "10.0.0.9", 80),    // no pod of this node
            udp("10.0.0.3", 5000, "10.255.0.1", 80),  // the node's own
            tcp_to_web(kAck, "10.0.0.3"),             // the middle of a connection
            tcp_to_web(kSyn | kAck, "10.0.0.3"),
            tcp_to_web(kRst, "10.0.0.3"),
            Ethernet{} / fragment / Udp{.destination_port = 80},
            Ethernet{} / options / Udp{.destination_port = 80},
            Ethernet{} / from_other / Icmp{.type = 8},
            Ethernet{} / from_other / Sctp{},
            Ethernet{} / Ipv6{.source = "fd00::3", .destination = "fd00::1"} / Ipv6Extension{} / Udp{},
            Ethernet{.ethertype = 0x0806} / Payload{Bytes(28)},
        };
        for (const Bytes& frame : frames)
            CHECK(shop.lab.comes_in(hook, frame));
        Bytes cut = udp("10.0.0.3", 5000, "10.0.0.1", 80);
        cut.resize(38);
        CHECK(shop.lab.comes_in(hook, cut));
        CHECK(shop.lab.drops(CATFLAP_REASON_POLICY) == 0);
    }
}

TEST_CASE("early drop: one packet in a while is left to the pod's interface, which alone sees what is untracked") {
    for (const UplinkProgram hook : kHooks) {
        LabOptions options = kEarly;
        options.early_sample_ns = uint64_t{1} << 62;  // since the system started none
        Shop never(web_policy(), options);
        CHECK_FALSE(never.lab.comes_in(hook, tcp_to_web(kSyn, "10.0.0.3")));
        options.early_sample_ns = 3'000'000'000;
        Shop once(web_policy(), options);
        CHECK(once.lab.comes_in(hook, tcp_to_web(kSyn, "10.0.0.3")));
        CHECK(once.lab.drops(CATFLAP_REASON_POLICY) == 0);
        for (int i = 0; i < 3; ++i)
            CHECK_FALSE(once.lab.comes_in(hook, tcp_to_web(kSyn, "10.0.0.3")));
    }
}

TEST_CASE("early drop: a change of policy counts from the next packet on") {
    for (const UplinkProgram hook : kHooks) {
        Shop shop("", kEarly);
        const Bytes datagram = udp("10.0.0.3", 5000, "10.0.0.1", 80);
        CHECK(shop.lab.comes_in(hook, datagram));
        shop.enforce(web_policy());
        CHECK_FALSE(shop.lab.comes_in(hook, datagram));
        shop.enforce("");
        CHECK(shop.lab.comes_in(hook, datagram));
    }
}

TEST_CASE("early drop: where nf_conntrack is not the flow table, or nothing may be dropped, there is none") {
    for (const LabOptions& options : {LabOptions{.tracked = false, .early_drop = true},
                                      LabOptions{.audit = true, .tracked = true, .early_drop = true},
                                      LabOptions{.keep_established = true, .tracked = true, .early_drop = true},
                                      LabOptions{.tracked = true, .early_drop = false}}) {
        Shop shop("", options);
        CHECK(shop.lab.datapath().uplink_fd(UplinkProgram::from_uplink) == -1);
        CHECK(shop.lab.datapath().uplink_fd(UplinkProgram::early_drop_xdp) == -1);
    }
}

TEST_SUITE_END();
