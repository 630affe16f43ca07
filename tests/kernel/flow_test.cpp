// SPDX-License-Identifier: Apache-2.0
// What a connection may do after its first packet was judged.
#include <catflap/flow.h>

#include <set>

#include "kernel/conntrack.h"
#include "kernel/fixture.h"
#include "kernel/datapath/flows.h"

using namespace catflap;
using namespace catflap::test;

namespace {

Packet udp(const std::string& source, uint16_t source_port, const std::string& destination, uint16_t port) {
    return Ethernet{} / Ipv4{.source = source, .destination = destination} /
           Udp{.source_port = source_port, .destination_port = port};
}

// Makes every flow look as if it had been quiet for so long.
void age_flows(Shop& shop, uint64_t seconds) {
    const int fd = shop.lab.datapath().map_fd("flows");
    std::vector<std::pair<catflap_flow_key, catflap_flow>> all;
    kernel::for_each_flow(fd, [&](const catflap_flow_key& key, const catflap_flow& flow) {
        all.emplace_back(key, flow);
        return true;
    });
    for (auto& [key, flow] : all) {
        flow.last_seen_ns -= seconds * 1'000'000'000;
        REQUIRE(bpf_map_update_elem(fd, &key, &flow, BPF_ANY) == 0);
    }
    shop.lab.forget_fast_flows();
}

}  // namespace

TEST_CASE("replies pass, whatever the other direction's policy says") {
    Shop shop(web_policy() + egress_policy());
    check_dropped(shop, Hook::from_pod, tcp_from_web(kSyn | kAck), CATFLAP_REASON_POLICY);
    CHECK(shop.to(tcp_to_web(kSyn)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck)));
    CHECK(shop.to(tcp_to_web(kAck)));
    CHECK(shop.lab.flows() == (laboratories_track() ? 0 : 1));
}

TEST_CASE("UDP: request and reply, both directions of opening") {
    Shop shop(web_policy() + egress_policy());
    check_dropped(shop, Hook::to_pod, udp("10.0.0.2", 53, "10.0.0.1", 5000), CATFLAP_REASON_POLICY);
    CHECK(shop.from(udp("10.0.0.1", 5000, "10.0.0.2", 53)));
    CHECK(shop.to(udp("10.0.0.2", 53, "10.0.0.1", 5000)));
    check_dropped(shop, Hook::to_pod, udp("10.0.0.2", 53, "10.0.0.1", 5001), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::from_pod, udp("10.0.0.1", 5000, "10.0.0.3", 53), CATFLAP_REASON_POLICY);
}

TEST_CASE("a SYN asks for a new connection, whatever ran on its ports before") {
    Shop shop(web_policy());
    // The pod opens a connection from port 81; the server then turns round.
    CHECK(shop.from(tcp_from_web(kSyn, "10.0.0.3", 81)));
    CHECK(shop.to(tcp_to_web(kSyn | kAck, "10.0.0.3", 81)));
    CHECK(shop.from(tcp_from_web(kAck, "10.0.0.3", 81)));
    CHECK(shop.to(tcp_to_web(kAck, "10.0.0.3", 81)));
    check_dropped(shop, Hook::to_pod, tcp_to_web(kSyn, "10.0.0.3", 81), CATFLAP_REASON_POLICY);
    CHECK(shop.to(tcp_to_web(kAck, "10.0.0.3", 81)));  // the old connection is none the worse
}

TEST_CASE("a simultaneous open is one connection") {
    Shop shop(web_policy());
    CHECK(shop.from(tcp_from_web(kSyn, "10.0.0.3", 81)));
    CHECK(shop.to(tcp_to_web(kSyn, "10.0.0.3", 81)));
}

TEST_CASE("the node's own half-open connection opens nothing to others") {
    Shop shop(web_policy());
    CHECK(shop.by_host(tcp_to_web(kSyn, "10.255.0.1", 9000)));
    check_dropped(shop, Hook::to_pod, tcp_to_web(kSyn, "10.255.0.1", 9000), CATFLAP_REASON_POLICY);
    CHECK(shop.by_host(tcp_to_web(kSyn, "10.255.0.1", 9000)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck, "10.255.0.1", 9000)));
}

TEST_CASE("after RST or FIN the ports may be used again, judged anew") {
    Shop shop(web_policy());
    CHECK(shop.from(tcp_from_web(kSyn, "10.0.0.3", 81)));
    CHECK(shop.to(tcp_to_web(kRst | kAck, "10.0.0.3", 81)));
    check_dropped(shop, Hook::to_pod, tcp_to_web(kSyn, "10.0.0.3", 81), CATFLAP_REASON_POLICY);
    CHECK(shop.from(tcp_from_web(kSyn, "10.0.0.3", 81)));
}

TEST_CASE("related ICMP errors pass by the packet inside them") {
    Shop shop(web_policy());
    const auto error = [](const Packet& quoted) {
        return Ethernet{} / Ipv4{.source = "10.9.9.9", .destination = "10.0.0.1"} / Icmp{.type = 3, .code = 4} /
               quote(quoted);
    };
    check_dropped(shop, Hook::to_pod, error(tcp_from_web(kSyn, "10.0.0.3", 81)), CATFLAP_REASON_POLICY);
    CHECK(shop.from(tcp_from_web(kSyn, "10.0.0.3", 81)));
    CHECK(shop.to(error(tcp_from_web(kSyn, "10.0.0.3", 81))));
    check_dropped(shop, Hook::to_pod, error(tcp_from_web(kSyn, "10.0.0.3", 82)), CATFLAP_REASON_POLICY);
    check_dropped(
        shop, Hook::to_pod,
        Ethernet{} / Ipv4{.source = "10.9.9.9", .destination = "10.0.0.1"} / Icmp{.type = 3} / Payload{Bytes(19)},
        CATFLAP_REASON_TRUNCATED);
}

TEST_CASE("an ICMP error goes to whoever sent what it quotes, and is about what the pod received") {
    Shop shop(web_policy() + egress_policy());
    CHECK(shop.to(tcp_to_web(kSyn)));
    const auto error = [](const std::string& to, const Packet& quoted) {
        return Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = to} / Icmp{.type = 3} / quote(quoted);
    };
    CHECK(shop.from(error("10.0.0.2", tcp_to_web(kSyn))));
    check_dropped(shop, Hook::from_pod, error("8.8.8.8", tcp_to_web(kSyn)), CATFLAP_REASON_MALFORMED);
    const Packet to_other = Ethernet{} / Ipv4{.source = "10.0.0.2", .destination = "10.0.0.9"} / Tcp{};
    check_dropped(shop, Hook::from_pod, error("10.0.0.2", to_other), CATFLAP_REASON_SPOOFED_SOURCE);
}

TEST_CASE("and from the pod, about what it received") {
    Shop shop(web_policy() + egress_policy());
    const Packet error = Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = "10.0.0.2"} /
                         Icmp{.type = 3, .code = 3} / quote(tcp_to_web(kSyn));
    check_dropped(shop, Hook::from_pod, error, CATFLAP_REASON_POLICY);
    CHECK(shop.to(tcp_to_web(kSyn)));
    CHECK(shop.from(error));
}

TEST_CASE("ICMPv6 too big reaches the pod") {
    Shop shop(web_policy());
    const Packet sent = Ethernet{} / Ipv6{.source = "fd00::1", .destination = "fd00::3"} / Udp{};
    const Packet error =
        Ethernet{} / Ipv6{.source = "fd99::9", .destination = "fd00::1"} / Icmpv6{.type = 2} / quote(sent, 48);
    check_dropped(shop, Hook::to_pod, error, CATFLAP_REASON_POLICY);
    CHECK(shop.from(sent));
    CHECK(shop.to(error));
}

TEST_CASE("ICMPv6 too big about a fragment, or a packet with options, finds its flow") {
    Shop shop(web_policy());
    const Ipv6 from_web{.source = "fd00::1", .destination = "fd00::3"};
    const Packet sent = Ethernet{} / from_web / Udp{.source_port = 5000, .destination_port = 514};
    const auto error = [](const Packet& about) {
        return Ethernet{} / Ipv6{.source = "fd99::9", .destination = "fd00::1"} / Icmpv6{.type = 2} / quote(about, 64);
    };
    const Packet fragment = Ethernet{} / from_web / Ipv6Fragment{} / Udp{.source_port = 5000, .destination_port = 514};
    const Packet options = Ethernet{} / from_web / Ipv6Extension{} / Udp{.source_port = 5000, .destination_port = 514};
    check_dropped(shop, Hook::to_pod, error(fragment), CATFLAP_REASON_POLICY);
    CHECK(shop.from(sent));
    CHECK(shop.to(error(fragment)));
    CHECK(shop.to(error(options)));
}

TEST_CASE("an echo reply belongs to its request") {
    Shop shop(web_policy());
    const auto echo = [](const char* source, const char* destination, uint8_t type, uint16_t id) {
        return Ethernet{} / Ipv4{.source = source, .destination = destination} / Icmp{.type = type, .identifier = id};
    };
    check_dropped(shop, Hook::to_pod, echo("10.0.0.2", "10.0.0.1", 8, 1), CATFLAP_REASON_POLICY);
    CHECK(shop.from(echo("10.0.0.1", "10.0.0.3", 8, 5)));
    CHECK(shop.to(echo("10.0.0.3", "10.0.0.1", 0, 5)));
    check_dropped(shop, Hook::to_pod, echo("10.0.0.3", "10.0.0.1", 0, 6), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::to_pod, echo("10.0.0.3", "10.0.0.1", 8, 5), CATFLAP_REASON_POLICY);  // asks back
}

TEST_CASE("an ICMPv6 echo reply belongs to its request") {
    Shop shop;
    const auto to = [](uint8_t type, uint16_t identifier) {
        return Ethernet{} / Ipv6{.source = "fd00::2", .destination = "fd00::1"} /
               Icmpv6{.type = type, .identifier = identifier};
    };
    check_dropped(shop, Hook::to_pod, to(129, 7), CATFLAP_REASON_POLICY);
    CHECK(shop.from(Ethernet{} / Ipv6{.source = "fd00::1", .destination = "fd00::2"} / Icmpv6{.type = 128}));
    CHECK(shop.to(to(129, 7)));
    check_dropped(shop, Hook::to_pod, to(129, 8), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::to_pod, to(128, 7), CATFLAP_REASON_POLICY);
}

TEST_CASE("SCTP: a reply belongs to its request, by its ports") {
    Shop shop;
    const auto to = [](uint16_t from_port, uint16_t port) {
        return Ethernet{} / Ipv4{.source = "10.0.0.2", .destination = "10.0.0.1"} /
               Sctp{.source_port = from_port, .destination_port = port};
    };
    check_dropped(shop, Hook::to_pod, to(36412, 40000), CATFLAP_REASON_POLICY);
    CHECK(shop.from(Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = "10.0.0.2"} / Sctp{}));
    CHECK(shop.to(to(36412, 40000)));
    check_dropped(shop, Hook::to_pod, to(36412, 40001), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::to_pod, to(80, 40000), CATFLAP_REASON_POLICY);
}

TEST_CASE("a half-open connection waits two minutes for its answer, not for days" * doctest::test_suite("flow cache")) {
    Shop shop;
    const auto answer = [] { return tcp_to_web(kSyn | kAck, "10.0.0.3", 40000, 80); };
    CHECK(shop.from(tcp_from_web(kSyn, "10.0.0.3", 40000, 80)));
    age_flows(shop, 60);
    CHECK(shop.to(answer()));
    Shop late;
    CHECK(late.from(tcp_from_web(kSyn, "10.0.0.3", 40000, 80)));
    age_flows(late, 121);
    check_dropped(late, Hook::to_pod, answer(), CATFLAP_REASON_POLICY);
}

TEST_CASE("multicast and broadcast follow the policy") {
    const auto from = [](const std::string& to) {
        return Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = to} / Udp{.destination_port = 5353};
    };
    const auto from6 =
        Ethernet{} / Ipv6{.source = "fd00::1", .destination = "ff02::fb"} / Udp{.destination_port = 5353};
    Shop open("");
    for (const char* group : {"224.0.0.251", "255.255.255.255", "10.255.255.255"})
        CHECK(open.from(from(group)));
    CHECK(open.from(from6));
    Shop isolated(egress_policy());
    for (const char* group : {"224.0.0.251", "255.255.255.255", "10.255.255.255"})
        check_dropped(isolated, Hook::from_pod, from(group), CATFLAP_REASON_POLICY);
    check_dropped(isolated, Hook::from_pod, from6, CATFLAP_REASON_POLICY);
}

TEST_CASE("the node's own traffic passes, and so do the answers; what is forwarded in its name is policed") {
    Shop shop(web_policy() + egress_policy());
    check_dropped(shop, Hook::to_pod, tcp_to_web(kSyn, "10.255.0.1", 9000), CATFLAP_REASON_POLICY);
    CHECK(shop.by_host(tcp_to_web(kSyn, "10.255.0.1", 9000)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck, "10.255.0.1", 9000)));
    CHECK(shop.by_host(tcp_to_web(kAck, "10.255.0.1", 9000)));
}

TEST_CASE("a probe from a port that a revoked connection had is answered") {
    Shop shop("");
    CHECK(shop.to(tcp_to_web(kSyn, "10.255.0.1", 9000)));  // masqueraded in the node's name
    shop.enforce(web_policy() + egress_policy());
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.255.0.1", 9000), CATFLAP_REASON_POLICY);
    CHECK(shop.by_host(tcp_to_web(kSyn, "10.255.0.1", 9000)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck, "10.255.0.1", 9000)));
}

TEST_CASE("after FIN a connection lives on for a while, and its port is free for a new one" *
          doctest::test_suite("flow cache")) {
    Shop shop(web_policy() + egress_policy());
    CHECK(shop.to(tcp_to_web(kSyn)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck)));
    CHECK(shop.to(tcp_to_web(kAck)));
    CHECK(shop.from(tcp_from_web(kFin | kAck)));
    CHECK(shop.to(tcp_to_web(kFin | kAck)));
    CHECK(shop.from(tcp_from_web(kAck)));
    age_flows(shop, 121);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
    CHECK(shop.to(tcp_to_web(kSyn)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck)));
}

TEST_CASE("a flow that expired is judged again, not dropped" * doctest::test_suite("flow cache")) {
    Shop shop(web_policy() + egress_policy());
    CHECK(shop.to(tcp_to_web(kSyn)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck)));
    CHECK(shop.to(tcp_to_web(kAck)));
    age_flows(shop, 431'000);
    CHECK(shop.from(tcp_from_web(kAck)));
    age_flows(shop, 433'000);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);  // not its direction
    const Conntrack conntrack;
    Conntrack::know("-s 10.0.0.2 -d 10.0.0.1 --sport 40000 --dport 80");
    CHECK(shop.to(tcp_to_web(kAck)));
    Conntrack::forget();
    CHECK(shop.from(tcp_from_web(kAck)));
    CHECK(shop.from(udp("10.0.0.1", 5000, "10.0.0.2", 53)));
    age_flows(shop, 31);
    check_dropped(shop, Hook::to_pod, udp("10.0.0.2", 53, "10.0.0.1", 5000), CATFLAP_REASON_POLICY);
}

TEST_CASE("a policy change takes effect on live flows, in both directions" * doctest::test_suite("flow cache")) {
    Shop shop("");
    CHECK(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    CHECK(shop.from(tcp_from_web(kSyn | kAck, "10.0.0.3")));
    CHECK(shop.to(tcp_to_web(kAck, "10.0.0.3")));
    shop.enforce(web_policy());
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
    shop.enforce("");
    CHECK(shop.from(tcp_from_web(kAck, "10.0.0.3")));
}

TEST_CASE("with --established=keep it does not, once there is a connection") {
    Shop shop("", {.keep_established = true});
    CHECK(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    CHECK(shop.from(tcp_from_web(kSyn | kAck, "10.0.0.3")));
    CHECK(shop.to(tcp_to_web(kAck, "10.0.0.3")));
    const Packet one_way = udp("10.0.0.3", 5000, "10.0.0.1", 514);
    CHECK(shop.to(one_way));
    shop.enforce(web_policy());
    CHECK(shop.to(tcp_to_web(kAck, "10.0.0.3")));
    check_dropped(shop, Hook::to_pod, tcp_to_web(kSyn, "10.0.0.3", 80, 40001), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::to_pod, one_way, CATFLAP_REASON_POLICY);
}

TEST_CASE("a flow belongs to the interface that its opener came in by, except TCP" *
          doctest::test_suite("flow cache")) {
    const std::string asks = R"(
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: dns, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{ipBlock: {cidr: 10.255.0.1/32}}], ports: [{protocol: UDP, port: 53}]}]
)";
    // The node's address and port, lent first to one sender, then to another.
    const Packet query = udp("10.255.0.1", 5000, "10.0.0.1", 53);
    const auto from = [&](uint32_t ifindex) { return SkbFields{.ingress_ifindex = ifindex}; };
    Shop shop(asks);
    const auto created = [&] { return shop.lab.datapath().health()->flows_created; };
    CHECK(shop.lab.run(Hook::to_pod, query, from(98)));
    CHECK(shop.from(udp("10.0.0.1", 53, "10.255.0.1", 5000)));
    CHECK(shop.lab.run(Hook::to_pod, query, from(98)));
    const uint64_t first = created();
    CHECK(shop.lab.run(Hook::to_pod, query, from(98)));
    CHECK(created() == first);
    CHECK(shop.lab.run(Hook::to_pod, query, from(97)));  // the policy admits this one, too
    CHECK(created() == first + 1);
    // And the node's own flow is nobody else's.
    Shop closed(web_policy());
    CHECK(closed.lab.run(Hook::to_pod, query, from(0)));
    CHECK(closed.from(udp("10.0.0.1", 53, "10.255.0.1", 5000)));
    CHECK(closed.lab.run(Hook::to_pod, query, from(0)));
    check_dropped(closed, Hook::to_pod, query, CATFLAP_REASON_POLICY);
}

TEST_CASE("the node's datagram over a revoked flow of another begins one of its own") {
    Shop shop("");
    const Packet query = udp("10.255.0.1", 5000, "10.0.0.1", 53);
    CHECK(shop.to(query));  // masqueraded
    shop.enforce(web_policy() + egress_policy());
    check_dropped(shop, Hook::to_pod, query, CATFLAP_REASON_POLICY);
    CHECK(shop.by_host(query));
    CHECK(shop.from(udp("10.0.0.1", 53, "10.255.0.1", 5000)));
}

TEST_CASE("a label that changes takes effect on live flows") {
    Shop shop(web_policy());
    CHECK(shop.to(tcp_to_web(kSyn)));
    Cluster cluster = cluster_of(shop_pods() + web_policy());
    cluster.pods[{"shop", "client"}].labels.set("app", "stranger");
    shop.lab.enforce(cluster, {kWeb});
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck), CATFLAP_REASON_POLICY);
}

TEST_CASE("a new pod in an old one's slot inherits none of its flows") {
    Shop shop("", {.keep_established = true});
    CHECK(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    Cluster cluster = cluster_of(shop_pods() + web_policy());
    cluster.pods[kWeb].uid = "another";
    shop.lab.enforce(cluster, std::vector<ObjectName>{});
    REQUIRE(shop.lab.committer().collect().has_value());
    shop.lab.enforce(cluster, {kWeb});
    REQUIRE(shop.lab.committer().loaded().endpoints.at(1).slot == 0);
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
}

TEST_CASE("a full flow map drops no packet that the policy allows, and lists each flow once") {
    Shop shop(web_policy());
    const int fd = shop.lab.datapath().map_fd("flows");
    constexpr uint32_t kOthers = 300'000;  // more than there is room for
    for (uint32_t i = 0; i < kOthers; ++i) {
        const catflap_flow_key key{{{0, 0, 0, i}}, 1, 2, catflap_slot_protocol(500, 6)};
        const catflap_flow flow{.last_seen_ns = kernel::flow_clock_ns(),
                                .generation = 1,
                                .rule = 0,
                                .opener = 0,
                                .state = CATFLAP_FLOW_ESTABLISHED,
                                .pad = {},
                                .sender_ifindex = 0};
        REQUIRE(bpf_map_update_elem(fd, &key, &flow, BPF_ANY) == 0);
    }
    std::set<uint32_t> seen;
    size_t visits = 0;
    kernel::for_each_flow(fd, [&](const catflap_flow_key& key, const catflap_flow&) {
        seen.insert(key.remote.word_be[3]);
        return ++visits < kOthers;
    });
    CHECK(seen.size() > kOthers / 2);
    CHECK(visits == seen.size());
    for (uint16_t port = 1; port < 1000; ++port) {
        REQUIRE(shop.to(tcp_to_web(kSyn, "10.0.0.2", 80, port)));
        REQUIRE(shop.from(tcp_from_web(kSyn | kAck, "10.0.0.2", 80, port)));
        REQUIRE(shop.to(tcp_to_web(kAck, "10.0.0.2", 80, port)));
    }
}

TEST_CASE("a packet of a connection that was forgotten is judged in its own direction") {
    Shop shop(web_policy());
    CHECK(shop.to(tcp_to_web(kSyn)));
    shop.lab.forget_flows();
    CHECK(shop.to(tcp_to_web(kAck)));
}

TEST_CASE("rules and policies count what they allow and what they drop") {
    Shop shop(web_policy());
    const auto count = [&](bool is_default) {
        for (const auto& [key, number] : shop.lab.committer().loaded().decisions.numbers())
            if (key.is_default == is_default)
                return shop.lab.datapath().ledger().count(number);
        return catflap_counter{};
    };
    CHECK(shop.to(tcp_to_web(kSyn)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck)));
    CHECK_FALSE(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    // Answers count for their connection's rule where that has a flow; else for what admits them, here nothing.
    CHECK(count(false).packets == (laboratories_track() ? 1 : 2));
    CHECK(count(false).bytes == (laboratories_track() ? 40 : 80));
    CHECK(count(true).packets == 1);
    CHECK(count(true).bytes == 40);
}
