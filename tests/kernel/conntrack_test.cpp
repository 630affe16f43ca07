// SPDX-License-Identifier: Apache-2.0
// Replies whose flow is not (any more) in the cache: nf_conntrack knows who opened the connection, and the policy of
// that direction decides.
#include "kernel/conntrack.h"
#include "kernel/fixture.h"

using namespace catflap;
using namespace catflap::test;

namespace {

const std::string kOpenedByWeb = "-s 10.0.0.1 -d 10.0.0.3 --sport 81 --dport 40000";
const std::string kOpenedToWeb = "-s 10.0.0.3 -d 10.0.0.1 --sport 40000 --dport 81";

uint64_t recovered(Shop& shop) {
    return shop.lab.datapath().health().value().flows_recovered;
}

}  // namespace

TEST_CASE("a reply whose flow was evicted passes where conntrack says that the pod opened the connection" *
          doctest::test_suite("flow cache")) {
    Shop shop(web_policy());
    const Conntrack conntrack;
    REQUIRE(shop.lab.datapath().asks_conntrack());
    const Packet push = tcp_to_web(kAck, "10.0.0.3", 81);
    check_dropped(shop, Hook::to_pod, push, CATFLAP_REASON_POLICY);

    Conntrack::know(kOpenedByWeb);
    CHECK(shop.to(push));
    CHECK(recovered(shop) == 1);
    CHECK(shop.lab.flows() == 1);
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3", 82), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3", 81, 40001), CATFLAP_REASON_POLICY);
    // From now on the flow speaks for itself.
    Conntrack::forget();
    CHECK(shop.to(push));
    CHECK(shop.from(tcp_from_web(kAck, "10.0.0.3", 81)));
    CHECK(recovered(shop) == 1);
}

TEST_CASE("a new connection is none of conntrack's business, and what the other side opened is no reply") {
    Shop shop(web_policy());
    const Conntrack conntrack;
    Conntrack::know(kOpenedByWeb);
    check_dropped(shop, Hook::to_pod, tcp_to_web(kSyn, "10.0.0.3", 81), CATFLAP_REASON_POLICY);
    CHECK(shop.lab.flows() == 0);
    Conntrack::forget();
    Conntrack::know(kOpenedToWeb);
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3", 81), CATFLAP_REASON_POLICY);
    CHECK(recovered(shop) == 0);
}

TEST_CASE("conntrack is no verdict: the opener's policy as it is now decides") {
    Shop shop(web_policy() + egress_policy());
    const Conntrack conntrack;
    Conntrack::know(kOpenedByWeb);
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3", 81), CATFLAP_REASON_POLICY);
    // Admitted: to the client, UDP 53.
    Conntrack::know("-s 10.0.0.1 -d 10.0.0.2 --sport 81 --dport 53", "udp");
    CHECK(shop.to(Ethernet{} / Ipv4{.source = "10.0.0.2", .destination = "10.0.0.1"} /
                  Udp{.source_port = 53, .destination_port = 81}));
    check_dropped(shop, Hook::to_pod,
                  Ethernet{} / Ipv4{.source = "10.0.0.2", .destination = "10.0.0.1"} /
                      Udp{.source_port = 54, .destination_port = 81},
                  CATFLAP_REASON_POLICY);
}

TEST_CASE("and the other way: the pod answers what was opened to it, and its ingress policy admits") {
    Shop shop(web_policy() + egress_policy());
    const Conntrack conntrack;
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
    Conntrack::know("-s 10.0.0.2 -d 10.0.0.1 --sport 40000 --dport 80");
    CHECK(shop.from(tcp_from_web(kAck)));
    Conntrack::know("-s 10.0.0.3 -d 10.0.0.1 --sport 40000 --dport 80");
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
}

TEST_CASE("behind a Service's address, translated back at the pod's veth, and masqueraded") {
    Shop shop(web_policy());
    const Conntrack conntrack;
    // The pod sends to 10.96.0.1:443, which is 10.0.0.3:8443 behind the node's address.
    Conntrack::know(
        "-s 10.0.0.1 -d 10.96.0.1 --sport 50000 --dport 443 -r 10.0.0.3 -q 10.255.0.1 --reply-port-src 8443 "
        "--reply-port-dst 60000");
    CHECK(shop.to(Ethernet{} / Ipv4{.source = "10.96.0.1", .destination = "10.0.0.1"} /
                  Tcp{.source_port = 443, .destination_port = 50000, .flags = kAck}));
    check_dropped(shop, Hook::to_pod,
                  Ethernet{} / Ipv4{.source = "10.0.0.3", .destination = "10.0.0.1"} /
                      Tcp{.source_port = 8443, .destination_port = 50000, .flags = kAck},
                  CATFLAP_REASON_POLICY);
}

TEST_CASE("translated to another port of the same pod: the port behind counts") {
    Shop shop(web_policy() + egress_policy());  // the client's UDP 53
    const Conntrack conntrack;
    const auto know_redirected = [](int from, int to) {
        Conntrack::forget();
        Conntrack::know(fmt::format("-s 10.0.0.1 -d 10.0.0.2 --sport 81 --dport {} -r 10.0.0.2 -q 10.0.0.1 "
                                    "--reply-port-src {} --reply-port-dst 81",
                                    from, to),
                        "udp");
    };
    const auto answer_from = [](uint16_t port) {
        return Ethernet{} / Ipv4{.source = "10.0.0.2", .destination = "10.0.0.1"} /
               Udp{.source_port = port, .destination_port = 81};
    };
    know_redirected(53, 54);
    check_dropped(shop, Hook::to_pod, answer_from(53), CATFLAP_REASON_POLICY);
    know_redirected(54, 53);
    CHECK(shop.to(answer_from(54)));
}

TEST_CASE("however many denied packets come before it, a reply is heard") {
    Shop shop(web_policy());
    const Conntrack conntrack;
    Conntrack::know(kOpenedByWeb);
    for (uint16_t port = 1; port <= 2000; ++port)
        REQUIRE_FALSE(shop.to(tcp_to_web(kAck, "10.0.0.3", 82, port)));
    CHECK(shop.to(tcp_to_web(kAck, "10.0.0.3", 81)));
}

TEST_CASE("IPv6") {
    Shop shop(web_policy());
    const Conntrack conntrack;
    const Packet push = Ethernet{} / Ipv6{.source = "fd00::3", .destination = "fd00::1"} /
                        Tcp{.source_port = 40000, .destination_port = 81, .flags = kAck};
    check_dropped(shop, Hook::to_pod, push, CATFLAP_REASON_POLICY);
    Conntrack::know("-s fd00::1 -d fd00::3 --sport 81 --dport 40000");
    CHECK(shop.to(push));
}

TEST_CASE("a flow that is there and stale is judged, whatever conntrack says" * doctest::test_suite("flow cache")) {
    Shop shop(web_policy());
    const Conntrack conntrack;
    CHECK(shop.from(tcp_from_web(kSyn, "10.0.0.3", 81)));
    CHECK(shop.to(tcp_to_web(kSyn | kAck, "10.0.0.3", 81)));
    Conntrack::know(kOpenedByWeb);
    shop.enforce(web_policy() + egress_policy());
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3", 81), CATFLAP_REASON_POLICY);
    CHECK(recovered(shop) == 0);
}
