// SPDX-License-Identifier: Apache-2.0
// Who opened a connection, after its flow was evicted: a packet in the middle of it is not the beginning of another
// one. Else whoever speaks first would readmit the other side, to which a policy has closed the connection meanwhile.
#include "kernel/conntrack.h"
#include "kernel/fixture.h"

using namespace catflap;
using namespace catflap::test;

namespace {

const std::string kOtherToWeb = "-s 10.0.0.3 -d 10.0.0.1 --sport 40000 --dport 80";
const std::string kWebToOther = "-s 10.0.0.1 -d 10.0.0.3 --sport 80 --dport 40000";

Packet udp_to_web(const std::string& source = "10.0.0.3") {
    return Ethernet{} / Ipv4{.source = source, .destination = "10.0.0.1"} /
           Udp{.source_port = 40000, .destination_port = 80};
}
Packet udp_from_web(const std::string& destination = "10.0.0.3") {
    return Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = destination} /
           Udp{.source_port = 80, .destination_port = 40000};
}

// Egress of web: to every pod, whatever the port.
std::string to_all_pods() {
    return R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: to-all, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress: [{to: [{podSelector: {}}]}]
)";
}

// A connection of other to web:80, established while nobody was isolated.
void open_to_web(Shop& shop) {
    REQUIRE(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    REQUIRE(shop.from(tcp_from_web(kSyn | kAck, "10.0.0.3")));
    REQUIRE(shop.to(tcp_to_web(kAck, "10.0.0.3")));
}

void open_from_web(Shop& shop) {
    REQUIRE(shop.from(tcp_from_web(kSyn, "10.0.0.3")));
    REQUIRE(shop.to(tcp_to_web(kSyn | kAck, "10.0.0.3")));
    REQUIRE(shop.from(tcp_from_web(kAck, "10.0.0.3")));
}

}  // namespace

TEST_CASE("TCP: a revoked connection whose flow was evicted does not come back by the pod's own packet") {
    const Conntrack conntrack;
    // The pod may send: since its egress is open, or by a rule of its own.
    for (const std::string& egress : {std::string(), to_all_pods()})
        for (const bool known : {true, false}) {
            CAPTURE(egress);
            CAPTURE(known);
            Shop shop("");
            Conntrack::forget();
            if (known)
                Conntrack::know(kOtherToWeb);
            open_to_web(shop);
            shop.enforce(web_policy() + egress);
            check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
            shop.lab.forget_flows();
            CHECK(shop.from(tcp_from_web(kAck, "10.0.0.3")));
            CHECK(shop.lab.flows() == 0);
            check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
        }
}

TEST_CASE("TCP: nor where the pod sends first, and the policy closes the connection afterwards" *
          doctest::test_suite("flow cache")) {
    const Conntrack conntrack;
    Shop shop("");
    Conntrack::know(kOtherToWeb);
    open_to_web(shop);
    shop.lab.forget_flows();
    CHECK(shop.from(tcp_from_web(kAck, "10.0.0.3")));
    CHECK(shop.lab.flows() == 1);
    shop.enforce(web_policy());
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
}

TEST_CASE("TCP: what the pod opened, and may not have any more, does not come back by the other side's packet") {
    const Conntrack conntrack;
    Shop shop("");
    Conntrack::know(kWebToOther);
    open_from_web(shop);
    shop.enforce(egress_policy());
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
    shop.lab.forget_flows();
    CHECK(shop.to(tcp_to_web(kAck, "10.0.0.3")));
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
}

TEST_CASE("TCP: nor by the node's own packet") {
    const Conntrack conntrack;
    Shop shop("");
    Conntrack::know("-s 10.0.0.1 -d 10.255.0.1 --sport 80 --dport 40000");
    REQUIRE(shop.from(tcp_from_web(kSyn, "10.255.0.1")));
    REQUIRE(shop.by_host(tcp_to_web(kSyn | kAck, "10.255.0.1")));
    shop.enforce(egress_policy());
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, "10.255.0.1"), CATFLAP_REASON_POLICY);
    shop.lab.forget_flows();
    CHECK(shop.by_host(tcp_to_web(kAck, "10.255.0.1")));
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, "10.255.0.1"), CATFLAP_REASON_POLICY);
}

TEST_CASE("TCP: who sent the SYN opened the connection, whatever nf_conntrack says of these ends" *
          doctest::test_suite("flow cache")) {
    const Conntrack conntrack;
    Shop shop("");
    Conntrack::know(kWebToOther);
    open_to_web(shop);
    shop.enforce(web_policy());
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);

    Shop opens("");
    Conntrack::forget();
    Conntrack::know(kOtherToWeb);
    open_from_web(opens);
    opens.enforce(web_policy());
    CHECK(opens.to(tcp_to_web(kAck, "10.0.0.3")));
    opens.enforce(egress_policy());
    check_dropped(opens, Hook::from_pod, tcp_from_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
}

TEST_CASE("UDP: no answer takes a question's place, from either side") {
    const Conntrack conntrack;
    Shop shop("");
    Conntrack::know(kOtherToWeb, "udp");
    REQUIRE(shop.to(udp_to_web()));
    REQUIRE(shop.from(udp_from_web()));
    shop.enforce(web_policy());
    check_dropped(shop, Hook::to_pod, udp_to_web(), CATFLAP_REASON_POLICY);
    shop.lab.forget_flows();
    CHECK(shop.from(udp_from_web()));
    check_dropped(shop, Hook::to_pod, udp_to_web(), CATFLAP_REASON_POLICY);

    Shop asks("");
    Conntrack::forget();
    Conntrack::know(kWebToOther, "udp");
    REQUIRE(asks.from(udp_from_web()));
    REQUIRE(asks.to(udp_to_web()));
    asks.enforce(egress_policy());
    check_dropped(asks, Hook::from_pod, udp_from_web(), CATFLAP_REASON_POLICY);
    asks.lab.forget_flows();
    CHECK(asks.to(udp_to_web()));
    check_dropped(asks, Hook::from_pod, udp_from_web(), CATFLAP_REASON_POLICY);
}

TEST_CASE("UDP: nor by the node's own answer, nor where the policy comes after the answer") {
    const Conntrack conntrack;
    Shop shop("");
    Conntrack::know("-s 10.0.0.1 -d 10.255.0.1 --sport 80 --dport 40000", "udp");
    REQUIRE(shop.from(udp_from_web("10.255.0.1")));
    shop.lab.forget_flows();
    REQUIRE(shop.by_host(udp_to_web("10.255.0.1")));
    shop.enforce(egress_policy());
    check_dropped(shop, Hook::from_pod, udp_from_web("10.255.0.1"), CATFLAP_REASON_POLICY);

    Shop later("");
    Conntrack::forget();
    Conntrack::know(kOtherToWeb, "udp");
    REQUIRE(later.to(udp_to_web()));
    later.lab.forget_flows();
    REQUIRE(later.from(udp_from_web()));
    REQUIRE(later.to(udp_to_web()));
    later.enforce(web_policy());
    check_dropped(later, Hook::to_pod, udp_to_web(), CATFLAP_REASON_POLICY);
}

TEST_CASE("the connections that the policies admit go on, whoever speaks first" * doctest::test_suite("flow cache")) {
    const Conntrack conntrack;
    Shop shop(web_policy() + egress_policy());
    Conntrack::know("-s 10.0.0.2 -d 10.0.0.1 --sport 40000 --dport 80");
    CHECK(shop.to(tcp_to_web(kAck)));
    Conntrack::forget();
    CHECK(shop.from(tcp_from_web(kAck)));  // by its flow

    Shop opens(web_policy());
    Conntrack::know(kWebToOther);
    CHECK(opens.from(tcp_from_web(kAck, "10.0.0.3")));
    Conntrack::forget();
    CHECK(opens.to(tcp_to_web(kAck, "10.0.0.3")));

    Shop probed(web_policy() + egress_policy());
    Conntrack::know("-s 10.255.0.1 -d 10.0.0.1 --sport 40000 --dport 80");
    CHECK(probed.by_host(tcp_to_web(kAck, "10.255.0.1")));
    Conntrack::forget();
    CHECK(probed.from(tcp_from_web(kAck, "10.255.0.1")));
}

TEST_CASE("a masqueraded sender of this node is judged as what it is, also when the pod's answer comes first") {
    const Conntrack conntrack;
    const std::vector<ObjectName> pods = {kWeb, {"shop", "client"}, {"shop", "other"}};
    const auto behind_node = [](const std::string& sender, int port) {
        return fmt::format(
            "-s {} -d 10.96.0.1 --sport 40000 --dport 80 -r 10.0.0.1 -q 10.255.0.1 --reply-port-src 80 "
            "--reply-port-dst {}",
            sender, port);
    };
    const auto answer = [](uint16_t port) { return tcp_from_web(kAck, "10.255.0.1", 80, port); };
    Shop shop("");
    shop.lab.enforce(cluster_of(shop_pods() + web_policy() + egress_policy()), pods);
    Conntrack::know(behind_node("10.0.0.2", 60001));
    Conntrack::know(behind_node("10.0.0.3", 60002));
    Conntrack::know(behind_node("10.0.0.1", 60003));
    CHECK(shop.from(answer(60001)));
    check_dropped(shop, Hook::from_pod, answer(60002), CATFLAP_REASON_POLICY);
    CHECK(shop.from(answer(60003)));  // the pod itself
    check_dropped(shop, Hook::from_pod, answer(60004), CATFLAP_REASON_POLICY);

    // Judged again as the same sender, without anybody's help.
    Conntrack::forget();
    Cluster cluster = cluster_of(shop_pods() + web_policy() + egress_policy());
    cluster.policies.begin()->second.egress.push_back({{}, {PolicyPort{Protocol::udp, uint16_t{9}, {}}}});
    shop.lab.enforce(cluster, pods);
    if (!laboratories_track())
        CHECK(shop.from(answer(60001)));
    // A pod of another node is what its packets say it is: the node.
    shop.lab.enforce(cluster, std::vector<ObjectName>{kWeb, {"shop", "other"}});
    shop.lab.forget_flows();
    Conntrack::know(behind_node("10.0.0.2", 60001));
    check_dropped(shop, Hook::from_pod, answer(60001), CATFLAP_REASON_POLICY);
}
