// SPDX-License-Identifier: Apache-2.0
// nf_conntrack as the flow table of TCP and UDP (bpf/tracked.h): no state of our own, and the present policies decide.
#include <bpf/bpf.h>

#include "kernel/conntrack.h"
#include "kernel/fixture.h"

using namespace catflap;
using namespace catflap::test;

namespace {

// By conntrack alone: a verdict is never that of the packet before.
const LabOptions kTracked{.tracked = true, .fast_flow_jiffies = 0};

Packet udp(const std::string& source, uint16_t source_port, const std::string& destination, uint16_t port) {
    return Ethernet{} / Ipv4{.source = source, .destination = destination} /
           Udp{.source_port = source_port, .destination_port = port};
}

void open_to_web(Shop& shop, const std::string& client = "10.0.0.2") {
    REQUIRE(shop.to(tcp_to_web(kSyn, client)));
    REQUIRE(shop.from(tcp_from_web(kSyn | kAck, client)));
    REQUIRE(shop.to(tcp_to_web(kAck, client)));
}

}  // namespace

TEST_SUITE_BEGIN("tracked" * doctest::skip(!kernel_tracks()));

TEST_CASE("tracked: connections of both directions pass, and leave no flow") {
    Shop shop(web_policy() + egress_policy(), kTracked);
    REQUIRE(shop.lab.datapath().tracked());
    check_dropped(shop, Hook::from_pod, tcp_from_web(kSyn | kAck), CATFLAP_REASON_POLICY);
    open_to_web(shop);
    CHECK(shop.from(tcp_from_web(kAck)));
    CHECK(shop.from(udp("10.0.0.1", 5000, "10.0.0.2", 53)));
    CHECK(shop.to(udp("10.0.0.2", 53, "10.0.0.1", 5000)));
    check_dropped(shop, Hook::to_pod, udp("10.0.0.2", 53, "10.0.0.1", 5001), CATFLAP_REASON_POLICY);
    CHECK(shop.lab.flows() == 0);
}

TEST_CASE("tracked: without an entry in nf_conntrack a packet is what its own direction says") {
    Shop shop(web_policy() + egress_policy(), kTracked);
    open_to_web(shop);
    shop.lab.forget_connections();
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
    CHECK(shop.to(tcp_to_web(kAck)));
    // nf_conntrack picks it up as the client's. But by then nobody knows who opened it.
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
}

TEST_CASE("tracked: a revoked client does not come back by making nf_conntrack forget the connection") {
    Shop shop("", kTracked);
    open_to_web(shop, "10.0.0.3");
    shop.enforce(web_policy());
    check_dropped(shop, Hook::to_pod, tcp_to_web(kRst | kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::to_pod, tcp_to_web(kSyn, "10.0.0.3"), CATFLAP_REASON_POLICY);
    // The pod, whose egress is open, has seen none of it, and goes on sending.
    CHECK(shop.from(tcp_from_web(kAck, "10.0.0.3")));
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
    // What the pod opens itself is another matter.
    REQUIRE(shop.from(tcp_from_web(kSyn, "10.0.0.3", 81)));
    REQUIRE(shop.to(tcp_to_web(kSyn | kAck, "10.0.0.3", 81)));
}

TEST_CASE(
    "tracked: a connection that was offloaded (a flowtable, Open vSwitch) is not taken for one without a beginning") {
    Shop shop(web_policy() + egress_policy(), kTracked);
    open_to_web(shop);
    Tracker().set_tcp_flags(0x0b);  // window scaling, of the handshake; selective acknowledgements; liberal
    CHECK(shop.from(tcp_from_web(kAck)));
    Tracker().set_tcp_flags(0x0a);  // as tcp_new() makes it in the middle of a connection
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
}

TEST_CASE("tracked: nor does the pod, by what the other side goes on sending") {
    Shop shop("", kTracked);
    REQUIRE(shop.from(tcp_from_web(kSyn, "10.0.0.3", 81)));
    REQUIRE(shop.to(tcp_to_web(kSyn | kAck, "10.0.0.3", 81)));
    shop.enforce(egress_policy());
    shop.lab.forget_connections();
    CHECK(shop.to(tcp_to_web(kAck, "10.0.0.3", 81)));
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, "10.0.0.3", 81), CATFLAP_REASON_POLICY);
}

TEST_CASE("tracked: what a policy takes back ends at once, and comes back with it") {
    Shop shop("", kTracked);
    open_to_web(shop, "10.0.0.3");
    shop.enforce(web_policy());
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
    // The pod may send to anybody: a packet of its own is not forbidden by what may reach it. And it reopens nothing.
    CHECK(shop.from(tcp_from_web(kAck, "10.0.0.3")));
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
    shop.enforce(web_policy() + egress_policy());
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
    shop.enforce("");
    CHECK(shop.to(tcp_to_web(kAck, "10.0.0.3")));
}

TEST_CASE("tracked: the answer's policy is the opener's, as it is now") {
    Shop shop(web_policy(), kTracked);
    REQUIRE(shop.from(udp("10.0.0.1", 5000, "10.0.0.3", 514)));
    CHECK(shop.to(udp("10.0.0.3", 514, "10.0.0.1", 5000)));
    shop.enforce(web_policy() + egress_policy());
    check_dropped(shop, Hook::to_pod, udp("10.0.0.3", 514, "10.0.0.1", 5000), CATFLAP_REASON_POLICY);
}

TEST_CASE("tracked: a SYN answers nothing but a SYN") {
    Shop shop(web_policy(), kTracked);
    REQUIRE(shop.from(tcp_from_web(kSyn, "10.0.0.3", 81)));
    CHECK(shop.to(tcp_to_web(kSyn, "10.0.0.3", 81)));  // both at once
    Shop later(web_policy(), kTracked);
    REQUIRE(later.from(tcp_from_web(kSyn, "10.0.0.3", 81)));
    REQUIRE(later.to(tcp_to_web(kSyn | kAck, "10.0.0.3", 81)));
    check_dropped(later, Hook::to_pod, tcp_to_web(kSyn, "10.0.0.3", 81), CATFLAP_REASON_POLICY);
    CHECK(later.to(tcp_to_web(kAck, "10.0.0.3", 81)));
}

TEST_CASE("tracked: an ICMP error passes about a connection that there is, and about no other") {
    Shop shop(web_policy(), kTracked);
    const auto error = [](const Packet& quoted) {
        return Ethernet{} / Ipv4{.source = "10.9.9.9", .destination = "10.0.0.1"} / Icmp{.type = 3, .code = 4} /
               quote(quoted);
    };
    // To a pair that may talk, but does not.
    check_dropped(shop, Hook::to_pod, error(tcp_from_web(kAck)), CATFLAP_REASON_POLICY);
    open_to_web(shop);
    CHECK(shop.to(error(tcp_from_web(kAck))));
    check_dropped(shop, Hook::to_pod, error(tcp_from_web(kAck, "10.0.0.2", 80, 40001)), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::to_pod, error(udp("10.0.0.1", 80, "10.0.0.2", 40000)), CATFLAP_REASON_POLICY);
}

TEST_CASE("tracked: what the node opened is answered, by the only flow that this needs") {
    Shop shop(web_policy() + egress_policy(), kTracked);
    CHECK(shop.by_host(tcp_to_web(kSyn, "10.255.0.1", 9000)));
    CHECK(shop.lab.flows() == 1);
    CHECK(shop.from(tcp_from_web(kSyn | kAck, "10.255.0.1", 9000)));
    check_dropped(shop, Hook::from_pod, tcp_from_web(kSyn, "10.255.0.1", 9000), CATFLAP_REASON_POLICY);
    Shop open(web_policy(), kTracked);
    CHECK(open.by_host(tcp_to_web(kSyn, "10.255.0.1", 9000)));
    CHECK(open.from(tcp_from_web(kSyn | kAck, "10.255.0.1", 9000)));
    open.enforce(web_policy() + egress_policy());
    CHECK(open.from(tcp_from_web(kAck, "10.255.0.1", 9000)));
}

TEST_CASE("tracked: a fast flow holds one direction's verdict, not the other's") {
    Shop shop(web_policy() + egress_policy(), {.tracked = true});
    open_to_web(shop);
    shop.lab.forget_connections();
    CHECK(shop.to(tcp_to_web(kAck)));  // by the fast flow: nothing is picked up by a frame that is not seen
    CHECK(shop.from(tcp_from_web(kAck)));
    shop.lab.forget_fast_flows();
    shop.lab.forget_connections();
    Shop other(web_policy() + egress_policy(), {.tracked = true});
    REQUIRE(other.from(udp("10.0.0.1", 5000, "10.0.0.2", 53)));
    other.lab.forget_connections();
    check_dropped(other, Hook::to_pod, udp("10.0.0.2", 53, "10.0.0.1", 5000), CATFLAP_REASON_POLICY);
}

TEST_CASE("tracked: a fast flow is the sender's interface's") {
    const std::string by_node = R"(
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: dns, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{protocol: UDP, port: 53}]}]
)";
    Shop shop;
    const std::vector<ObjectName> pods = {kWeb, {"shop", "client"}, {"shop", "other"}};
    shop.lab.enforce(cluster_of(shop_pods() + by_node), pods);
    KernelLab lab({.tracked = true});
    lab.enforce(cluster_of(shop_pods() + by_node), pods);
    const Packet masqueraded = udp("10.255.0.1", 5000, "10.0.0.1", 53);
    CHECK(lab.run(Hook::to_pod, masqueraded, {.ingress_ifindex = 2}));
    CHECK(lab.run(Hook::to_pod, masqueraded, {.ingress_ifindex = 2}));
    CHECK_FALSE(lab.run(Hook::to_pod, masqueraded, {.ingress_ifindex = 3}));
    CHECK_FALSE(lab.run(Hook::to_pod, masqueraded, {.ingress_ifindex = 99}));
    CHECK(lab.run(Hook::to_pod, masqueraded, {.ingress_ifindex = 0}));
    CHECK_FALSE(lab.run(Hook::to_pod, masqueraded, {.ingress_ifindex = 99}));
}

TEST_CASE("tracked: IPv6") {
    Shop shop(web_policy() + egress_policy(), kTracked);
    const auto out = Ethernet{} / Ipv6{.source = "fd00::1", .destination = "fd00::2"} /
                     Udp{.source_port = 5000, .destination_port = 53};
    const auto back = Ethernet{} / Ipv6{.source = "fd00::2", .destination = "fd00::1"} /
                      Udp{.source_port = 53, .destination_port = 5000};
    check_dropped(shop, Hook::to_pod, back, CATFLAP_REASON_POLICY);
    CHECK(shop.from(out));
    CHECK(shop.to(back));
}

TEST_CASE("--established=keep wants state, and gets flows") {
    Shop kept("", {.keep_established = true, .tracked = true});
    CHECK_FALSE(kept.lab.datapath().tracked());
    CHECK(kept.lab.datapath().asks_conntrack());
}

TEST_SUITE_END();
