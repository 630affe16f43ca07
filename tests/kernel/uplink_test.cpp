// SPDX-License-Identifier: Apache-2.0
// The short way across nodes, as far as one program shows it (bpf/uplink.h): what comes in from an uplink goes straight
// to the pod, and everything that leaves that way. Out, and with both ends: tests/e2e/fast_path_across.test.
#include "kernel/conntrack.h"
#include "kernel/fixture.h"

using namespace catflap;
using namespace catflap::test;

namespace {

constexpr uint32_t kUplink = 2;
constexpr uint32_t kOtherUplink = 3;

// web on interface 1; the client is on another node, behind interface 2.
struct Across {
    explicit Across(const std::string& policies = web_policy(), LabOptions options = {}) : lab(complete(options)) {
        enforce(policies);
        lab.set_gate(1, CATFLAP_REDIRECT_TCP_UDP);
        lab.set_uplink(kUplink, CATFLAP_UPLINK_IN | CATFLAP_UPLINK_OUT);
    }
    static LabOptions complete(LabOptions options) {
        options.redirects = true;
        options.tracked = true;
        return options;
    }
    void enforce(const std::string& policies) { lab.enforce(cluster_of(shop_pods() + policies), {kWeb}); }
    Outcome comes_in(const Bytes& frame, uint32_t uplink = kUplink) {
        return lab.send(Hook::from_uplink, frame, {.ifindex = uplink, .ingress_ifindex = uplink});
    }
    bool to_web(const Bytes& frame, uint32_t uplink = kUplink) {
        return lab.run(Hook::to_pod, frame, {.ingress_ifindex = uplink});
    }
    bool from_web(const Bytes& frame) { return lab.run(Hook::from_pod, frame); }
    void connect() {
        REQUIRE(to_web(tcp_to_web(kSyn)));
        REQUIRE(from_web(tcp_from_web(kSyn | kAck)));
        for (int i = 0; i < 2; ++i) {
            REQUIRE(to_web(tcp_to_web(kAck)));
            REQUIRE(from_web(tcp_from_web(kAck)));
        }
    }
    uint64_t learned() { return lab.datapath().health().value().redirects_learned; }

    KernelLab lab;
};

Packet udp(const std::string& source, uint16_t source_port, const std::string& destination, uint16_t port) {
    return Ethernet{} / Ipv4{.source = source, .destination = destination} /
           Udp{.source_port = source_port, .destination_port = port};
}

}  // namespace

TEST_SUITE_BEGIN("tracked" * doctest::skip(!kernel_tracks()));

TEST_CASE("uplink: the middle of a connection goes straight to the pod, as it would have arrived, and counts once") {
    Across across;
    REQUIRE_FALSE(across.comes_in(tcp_to_web(kAck)).redirected);
    across.connect();
    Bytes handed_on = tcp_to_web(kAck);
    for (size_t i = 0; i < 12; ++i)
        handed_on[i] = static_cast<uint8_t>(0x40 + i);
    across.lab.forget_fast_flows();
    for (int i = 0; i < 2; ++i)
        REQUIRE(across.to_web(handed_on));
    CHECK(across.learned() >= 1);
    const auto before = across.lab.counts();
    const Outcome outcome = across.comes_in(tcp_to_web(kAck));
    REQUIRE(outcome.redirected);
    const auto after = across.lab.counts();
    CHECK(after.to_pod.allowed.packets == before.to_pod.allowed.packets + 1);
    CHECK(after.to_pod.allowed.bytes == before.to_pod.allowed.bytes + 40);
    Bytes expected = handed_on;
    --expected[22];
    expected[24] = outcome.frame[24];
    expected[25] = outcome.frame[25];
    CHECK(outcome.frame == expected);
}

TEST_CASE("uplink: IPv6") {
    Across across;
    const auto there = [](uint8_t flags) {
        return Ethernet{} / Ipv6{.source = "fd00::2", .destination = "fd00::1"} / Tcp{.flags = flags};
    };
    REQUIRE(across.to_web(there(kSyn)));
    for (int i = 0; i < 3; ++i)
        REQUIRE(across.to_web(there(kAck)));
    CHECK(across.comes_in(there(kAck)).redirected);
}

TEST_CASE("uplink: what opens or ends a connection, is a fragment, has options or expires goes the whole way") {
    Across across;
    across.connect();
    REQUIRE(across.comes_in(tcp_to_web(kAck)).redirected);
    const Tcp ack{.source_port = 40000, .destination_port = 80, .flags = kAck};
    const Ipv4 ip{.source = "10.0.0.2", .destination = "10.0.0.1"};
    Ipv4 fragment = ip;
    fragment.more_fragments = true;
    Ipv4 options = ip;
    options.options = Bytes(4, 1);
    Bytes expiring = Ethernet{} / ip / ack;
    expiring[22] = 1;  // its time to live
    std::vector<Bytes> frames = {expiring, Ethernet{} / fragment / ack, Ethernet{} / options / ack};
    for (const int flags : {int{kSyn}, kSyn | kAck, kFin | kAck, kRst | kAck})
        frames.push_back(tcp_to_web(static_cast<uint8_t>(flags)));
    for (const Bytes& frame : frames) {
        const Outcome outcome = across.comes_in(frame);
        CHECK(outcome.passed);
        CHECK_FALSE(outcome.redirected);
    }
    CHECK(across.comes_in(tcp_to_web(kAck)).redirected);
}

TEST_CASE("uplink: a closed gate, of the uplink or the pod, keeps it to the whole way") {
    const auto learns = [](auto&& close) {
        Across across;
        close(across.lab);
        across.connect();
        CHECK_FALSE(across.comes_in(tcp_to_web(kAck)).redirected);
        CHECK(across.learned() == 0);
    };
    learns([](KernelLab& lab) { lab.set_uplink(kUplink, CATFLAP_UPLINK_OUT); });
    learns([](KernelLab& lab) { lab.set_uplink(kOtherUplink, CATFLAP_UPLINK_IN); });
    learns([](KernelLab& lab) { lab.set_gate(1, CATFLAP_REDIRECT_NOTHING); });
    learns([](KernelLab& lab) { lab.set_gate(1, CATFLAP_REDIRECT_UDP); });
}

TEST_CASE("uplink: what would not fit the pod's interface goes the whole way, and a UDP flow's first packets do") {
    Across across;
    across.connect();
    const auto of_bytes = [](size_t bytes) -> Bytes {
        return Ethernet{} / Ipv4{.source = "10.0.0.2", .destination = "10.0.0.1"} /
               Tcp{.source_port = 40000, .destination_port = 80, .flags = kAck} / Payload{Bytes(bytes - 40)};
    };
    CHECK(across.comes_in(of_bytes(1500)).redirected);
    CHECK_FALSE(across.comes_in(of_bytes(1501)).redirected);
    CHECK(across.comes_in(of_bytes(1501)).passed);

    Across settling("", {.settle_jiffies = uint64_t{1} << 40});
    const Bytes datagram = udp("10.0.0.2", 5001, "10.0.0.1", 53);
    for (int i = 0; i < 3; ++i)
        REQUIRE(settling.to_web(datagram));
    REQUIRE(settling.learned() >= 1);
    CHECK_FALSE(settling.comes_in(datagram).redirected);
    settling.connect();
    CHECK(settling.comes_in(tcp_to_web(kAck)).redirected);
}

TEST_CASE("uplink: another interface than that by which the verdict was made hands nothing on") {
    Across across;
    across.connect();
    REQUIRE(across.comes_in(tcp_to_web(kAck)).redirected);
    CHECK_FALSE(across.comes_in(tcp_to_web(kAck), kOtherUplink).redirected);
    // By now it comes in there, and what was learned of the first one does not count any more.
    REQUIRE(across.to_web(tcp_to_web(kAck), kOtherUplink));
    REQUIRE(across.to_web(tcp_to_web(kAck), kOtherUplink));
    CHECK_FALSE(across.comes_in(tcp_to_web(kAck), kOtherUplink).redirected);
    CHECK_FALSE(across.comes_in(tcp_to_web(kAck)).redirected);
}

TEST_CASE("uplink: a change of policy, or of the pod, takes effect with the next packet") {
    Across across;
    across.connect();
    REQUIRE(across.comes_in(tcp_to_web(kAck)).redirected);
    across.enforce(R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
)");
    CHECK_FALSE(across.comes_in(tcp_to_web(kAck)).redirected);
    CHECK_FALSE(across.to_web(tcp_to_web(kAck)));

    Across pod;
    pod.connect();
    REQUIRE(pod.comes_in(tcp_to_web(kAck)).redirected);
    Cluster cluster = cluster_of(shop_pods() + web_policy());
    cluster.pods[kWeb].uid = "another";
    pod.lab.enforce(cluster, std::vector<ObjectName>{kWeb});
    CHECK_FALSE(pod.comes_in(tcp_to_web(kAck)).redirected);
}

TEST_CASE("uplink: what is translated, or was admitted under other ends, is not handed on") {
    Across across("");
    const Conntrack conntrack;
    // A node port before web: on the wire it has the node's address.
    Conntrack::know(
        "-s 10.0.0.2 -d 10.255.0.1 --sport 5000 --dport 30053 -r 10.0.0.1 -q 10.0.0.2 --reply-port-src 53 "
        "--reply-port-dst 5000",
        "udp");
    const Bytes translated = udp("10.0.0.2", 5000, "10.0.0.1", 53);
    for (int i = 0; i < 3; ++i)
        REQUIRE(across.to_web(translated));
    CHECK(across.learned() == 0);
    CHECK_FALSE(across.comes_in(translated).redirected);
    const Bytes plain = udp("10.0.0.2", 5001, "10.0.0.1", 53);
    for (int i = 0; i < 3; ++i)
        REQUIRE(across.to_web(plain));
    CHECK(across.comes_in(plain).redirected);
    CHECK_FALSE(across.comes_in(udp("10.0.0.2", 5001, "10.0.0.1", 54)).redirected);
    CHECK_FALSE(across.comes_in(udp("10.0.0.3", 5001, "10.0.0.1", 53)).redirected);
    CHECK_FALSE(across.comes_in(udp("10.0.0.2", 5001, "10.0.0.9", 53)).redirected);
}

TEST_CASE("uplink: early drop beside it drops what is denied, and nothing of a known flow") {
    Across across(web_policy(), {.early_drop = true});
    across.connect();
    CHECK(across.comes_in(tcp_to_web(kAck)).redirected);
    CHECK_FALSE(across.comes_in(tcp_to_web(kSyn, "10.0.0.3")).passed);
    CHECK_FALSE(across.comes_in(udp("10.0.0.3", 5000, "10.0.0.1", 80)).passed);
    // The answer to what web asked: its own direction's table does not admit it.
    REQUIRE(across.from_web(udp("10.0.0.1", 5000, "10.0.0.3", 53)));
    const Bytes answer = udp("10.0.0.3", 53, "10.0.0.1", 5000);
    for (int i = 0; i < 3; ++i) {
        CHECK(across.comes_in(answer).passed);
        REQUIRE(across.to_web(answer));
    }
    CHECK(across.comes_in(answer).redirected);
    CHECK(across.lab.drops(CATFLAP_REASON_POLICY) == 2);
}

TEST_SUITE_END();
