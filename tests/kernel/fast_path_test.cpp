// SPDX-License-Identifier: Apache-2.0
// The flow cache's fast path (bpf/fast_path.h): what passes by it, and what must not.
#include <bpf/bpf.h>
#include <time.h>

#include "kernel/datapath/flows.h"
#include "kernel/fixture.h"

using namespace catflap;
using namespace catflap::test;

namespace {

constexpr const char* kClient = "10.0.0.2";

// A connection that web's egress policy forbids to open: from web only its answers pass.
void connect(Shop& shop, uint16_t port = 40000) {
    CHECK(shop.to(tcp_to_web(kSyn, kClient, 80, port)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck, kClient, 80, port)));
    CHECK(shop.to(tcp_to_web(kAck, kClient, 80, port)));
    CHECK(shop.from(tcp_from_web(kAck, kClient, 80, port)));
}

// What passes then, passes by the fast path.
void delete_flows(Shop& shop) {
    const int fd = shop.lab.datapath().map_fd("flows");
    std::vector<catflap_flow_key> keys;
    kernel::for_each_flow(fd, [&](const catflap_flow_key& key, const catflap_flow&) {
        keys.push_back(key);
        return true;
    });
    for (const catflap_flow_key& key : keys)
        REQUIRE(bpf_map_delete_elem(fd, &key) == 0);
    shop.lab.forget_connections();
}

void wait_until_too_old() {
    const timespec quarter{0, 350'000'000};  // 25 ticks, of 10 ms at most
    nanosleep(&quarter, nullptr);
}

}  // namespace

TEST_CASE("the middle of an established flow takes the fast path, both ways, and is counted") {
    Shop shop(web_policy() + egress_policy());
    connect(shop);
    delete_flows(shop);
    const auto before = shop.lab.counts(0);
    CHECK(shop.from(tcp_from_web(kAck)));
    CHECK(shop.to(tcp_to_web(kAck)));
    const auto after = shop.lab.counts(0);
    CHECK(after.from_pod.allowed.packets == before.from_pod.allowed.packets + 1);
    CHECK(after.to_pod.allowed.packets == before.to_pod.allowed.packets + 1);
    CHECK(shop.lab.flows() == 0);
}

TEST_CASE("a fast flow soon expires, and the flow is looked up") {
    Shop shop(web_policy() + egress_policy(), {.fast_flow_jiffies = CATFLAP_FAST_FLOW_JIFFIES});
    connect(shop);
    delete_flows(shop);
    wait_until_too_old();
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
}

TEST_CASE("where programs interleave there is no fast path") {
    Shop shop(web_policy() + egress_policy(), {.fast_flow_jiffies = 0});
    connect(shop);
    delete_flows(shop);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
}

TEST_CASE("a change of policy overrides a fast flow") {
    Shop shop(web_policy() + egress_policy());
    connect(shop);
    delete_flows(shop);
    shop.enforce(egress_policy() + R"(
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
)");
    check_dropped(shop, Hook::to_pod, tcp_to_web(kAck), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
}

TEST_CASE("a config that is published again is another publication, and has no fast flows") {
    Shop shop(web_policy() + egress_policy());
    connect(shop);
    delete_flows(shop);
    REQUIRE(shop.lab.datapath().store().publish(1, shop.lab.committer().loaded().endpoints.at(1).config));
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
}

TEST_CASE("another connection, protocol or address finds no fast flow") {
    Shop shop(web_policy() + egress_policy());
    connect(shop);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, kClient, 80, 40001), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::from_pod,
                  Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = kClient} /
                      Udp{.source_port = 80, .destination_port = 40000},
                  CATFLAP_REASON_POLICY);
}

TEST_CASE("what opens or ends a connection takes the slow path") {
    for (const int flags : {kFin | kAck, kRst | kAck}) {
        Shop shop(web_policy() + egress_policy());
        connect(shop);
        CHECK(shop.to(tcp_to_web(static_cast<uint8_t>(flags))));
        delete_flows(shop);  // and the fast flow went with the end
        check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
    }
    Shop shop(web_policy() + egress_policy());
    connect(shop);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kSyn), CATFLAP_REASON_POLICY);
}

TEST_CASE("one-way UDP has no fast flow: its answer must still be seen to establish it") {
    Shop shop(web_policy() + egress_policy());
    const auto query = Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = kClient} /
                       Udp{.source_port = 5000, .destination_port = 53};
    CHECK(shop.from(query));
    CHECK(shop.from(query));
    delete_flows(shop);
    const auto answer = Ethernet{} / Ipv4{.source = kClient, .destination = "10.0.0.1"} /
                        Udp{.source_port = 53, .destination_port = 5000};
    check_dropped(shop, Hook::to_pod, answer, CATFLAP_REASON_POLICY);
}

TEST_CASE("the node's own connection to the pod has a fast flow, by which its packets pass") {
    Shop shop(web_policy() + egress_policy());
    const std::string node = "10.0.0.254";
    CHECK(shop.by_host(tcp_to_web(kSyn, node)));
    CHECK(shop.from(tcp_from_web(kSyn | kAck, node)));
    CHECK(shop.by_host(tcp_to_web(kAck, node)));
    CHECK(shop.from(tcp_from_web(kAck, node)));
    delete_flows(shop);
    CHECK(shop.by_host(tcp_to_web(kAck, node)));
    CHECK(shop.from(tcp_from_web(kAck, node)));
    CHECK(shop.lab.flows() == 0);
}

TEST_CASE("the node's packets do not renew the fast flow of a flow that is no longer allowed" *
          doctest::test_suite("flow cache")) {
    Shop shop(web_policy() + egress_policy());
    connect(shop);
    shop.enforce(egress_policy() + R"(
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
)");
    CHECK(shop.by_host(tcp_to_web(kAck)));
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
}

TEST_CASE("the node's packets of a flow that is no longer allowed count for no rule: its number may be another's" *
          doctest::test_suite("flow cache")) {
    Shop shop(web_policy());
    connect(shop);
    uint32_t rule = 0;
    for (const auto& [key, number] : shop.lab.committer().loaded().decisions.numbers())
        if (!key.is_default)
            rule = number;
    const auto count = [&] { return shop.lab.datapath().ledger().count(rule).packets; };
    const uint64_t before = count();
    CHECK(shop.by_host(tcp_to_web(kAck)));
    CHECK(count() == before + 1);
    shop.enforce(egress_policy());
    CHECK(shop.by_host(tcp_to_web(kAck)));
    CHECK(count() == before + 1);
}

TEST_CASE("a connection in the place of another is seen from its first packets on") {
    Shop shop(web_policy() + egress_policy());
    connect(shop);
    CHECK(shop.to(tcp_to_web(kSyn)));
    delete_flows(shop);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
}

TEST_CASE("a fast flow is of the pod's own address only: a spoofed source is seen") {
    Shop shop;
    const auto to = [](const std::string& web, uint8_t flags) {
        return Ethernet{} / Ipv4{.source = kClient, .destination = web} / Tcp{.flags = flags};
    };
    const auto from = [](const std::string& web, uint8_t flags) {
        return Ethernet{} / Ipv4{.source = web, .destination = kClient} /
               Tcp{.source_port = 80, .destination_port = 40000, .flags = flags};
    };
    connect(shop);
    CHECK(shop.from(from("10.0.0.1", kAck)));
    check_dropped(shop, Hook::from_pod, from("10.0.0.9", kAck), CATFLAP_REASON_SPOOFED_SOURCE);
    CHECK(shop.to(to("10.0.0.9", kAck)));  // takes the slow path, and leaves no fast flow
    check_dropped(shop, Hook::from_pod, from("10.0.0.9", kAck), CATFLAP_REASON_SPOOFED_SOURCE);
}

TEST_CASE("a pod without an IPv6 address has no fast flow for ::") {
    Shop shop;
    Cluster cluster = cluster_of(shop_pods() + web_policy());
    std::erase_if(cluster.pods.at(kWeb).addresses, [](const Address& address) { return !address.is_ipv4(); });
    shop.lab.enforce(cluster, {kWeb});
    const auto to = [](uint8_t flags) {
        return Ethernet{} / Ipv6{.source = "fd00::2", .destination = "::"} / Tcp{.flags = flags};
    };
    CHECK(shop.by_host(to(kAck)));  // in the middle of a connection: with a flow at once
    CHECK(shop.by_host(to(kAck)));
    check_dropped(shop, Hook::from_pod,
                  Ethernet{} / Ipv6{.source = "::", .destination = "fd00::2"} /
                      Tcp{.source_port = 80, .destination_port = 40000, .flags = kAck},
                  CATFLAP_REASON_SPOOFED_SOURCE);
}

TEST_CASE("a flow with a tunnel's port has no fast flow, so the pod's side of it is dropped") {
    Shop shop("");
    const auto out = Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = kClient} /
                     Udp{.source_port = 5000, .destination_port = 4789};
    const auto in = Ethernet{} / Ipv4{.source = kClient, .destination = "10.0.0.1"} /
                    Udp{.source_port = 4789, .destination_port = 5000};
    CHECK(shop.to(in));
    // As it is taken over from nf_conntrack, which has seen both sides speak.
    const int fd = shop.lab.datapath().map_fd("flows");
    kernel::for_each_flow(fd, [&](const catflap_flow_key& key, const catflap_flow& flow) {
        catflap_flow established = flow;
        established.state = CATFLAP_FLOW_ESTABLISHED;
        REQUIRE(bpf_map_update_elem(fd, &key, &established, BPF_EXIST) == 0);
        return true;
    });
    CHECK(shop.to(in));
    check_dropped(shop, Hook::from_pod, out, CATFLAP_REASON_ENCAPSULATION);
}

TEST_CASE("IPv6 has fast flows too") {
    Shop shop(web_policy() + egress_policy());
    const auto to = [](uint8_t flags) {
        return Ethernet{} / Ipv6{.source = "fd00::2", .destination = "fd00::1"} / Tcp{.flags = flags};
    };
    const auto from = [](uint8_t flags) {
        return Ethernet{} / Ipv6{.source = "fd00::1", .destination = "fd00::2"} /
               Tcp{.source_port = 80, .destination_port = 40000, .flags = flags};
    };
    CHECK(shop.to(to(kSyn)));
    CHECK(shop.from(from(kSyn | kAck)));
    CHECK(shop.to(to(kAck)));
    CHECK(shop.from(from(kAck)));
    delete_flows(shop);
    CHECK(shop.to(to(kAck)));
    CHECK(shop.from(from(kAck)));
    shop.lab.forget_fast_flows();
    shop.lab.forget_connections();
    check_dropped(shop, Hook::from_pod, from(kAck), CATFLAP_REASON_POLICY);
}

TEST_CASE("what is not quite an ordinary packet of the flow is parsed, fast flow or not") {
    Shop shop(web_policy() + egress_policy());
    connect(shop);
    CHECK(shop.from(tcp_from_web(kAck)));
    const Tcp tcp{.source_port = 80, .destination_port = 40000, .flags = kAck};
    const auto web = [](Ipv4 ip) {
        ip.source = "10.0.0.1";
        ip.destination = kClient;
        return ip;
    };
    const auto dropped = [&](const Bytes& frame, catflap_reason reason) {
        check_dropped(shop, Hook::from_pod, frame, reason);
    };
    dropped(Ethernet{} / web({.total_bytes = 41}) / tcp, CATFLAP_REASON_TRUNCATED);
    dropped(Ethernet{} / web({.total_bytes = 39}) / tcp, CATFLAP_REASON_TRUNCATED);
    dropped(Ethernet{} / web({.total_bytes = 0}) / tcp, CATFLAP_REASON_MALFORMED);
    dropped(Ethernet{} / web({.version = 6}) / tcp, CATFLAP_REASON_MALFORMED);
    dropped(Ethernet{} / web({.header_words = 4}) / tcp, CATFLAP_REASON_MALFORMED);
    dropped(Ethernet{} / web({.fragment_offset_bytes = 64}) / tcp / Payload{}, CATFLAP_REASON_FRAGMENT);
    dropped(Ethernet{} / web({}) / Tcp{.source_port = 80, .destination_port = 40000, .flags = kAck, .header_words = 4},
            CATFLAP_REASON_MALFORMED);
    dropped(Ethernet{} / Ipv6{.source = "::ffff:10.0.0.1", .destination = "::ffff:10.0.0.2"} / tcp,
            CATFLAP_REASON_MALFORMED);
    Bytes cut = tcp_from_web(kAck);
    cut.pop_back();
    dropped(cut, CATFLAP_REASON_TRUNCATED);
    CHECK(shop.from(Ethernet{} / web({.options = Bytes(4, 1)}) / tcp));
    CHECK(shop.from(tcp_from_web(kAck)));
}

TEST_CASE("a frame with a VLAN tag is dropped, fast flow or not") {
    Shop shop;
    compile::EndpointSpec spec = shop.lab.committer().loaded().endpoints.at(1).spec;
    spec.ifindex = 2;
    spec.interface = "v2";
    shop.lab.enforce(cluster_of(shop_pods() + web_policy()), std::vector{spec});
    const SkbFields there{.ifindex = 2};
    shop.lab.send_to_interface_2(Ethernet{.ethertype = 0x88b5} / Payload{});  // takes longer than a fast flow lives
    CHECK(shop.lab.run(Hook::to_pod, tcp_to_web(kSyn), there));
    CHECK(shop.lab.run(Hook::from_pod, tcp_from_web(kSyn | kAck), there));
    CHECK(shop.lab.run(Hook::to_pod, tcp_to_web(kAck), there));
    delete_flows(shop);
    const auto passed = [&] { return shop.lab.counts(1).from_pod.allowed.packets; };
    const uint64_t before = passed();
    Bytes frame = tcp_from_web(kAck);
    shop.lab.send_to_interface_2(frame);
    CHECK(passed() == before + 1);
    CHECK(shop.lab.flows() == 0);  // by its fast flow
    const Bytes tag = {0x81, 0x00, 0x00, 0x05};
    frame.insert(frame.begin() + 12, tag.begin(), tag.end());
    const uint64_t refused = shop.lab.drops(CATFLAP_REASON_ETHERTYPE);
    shop.lab.send_to_interface_2(frame);
    CHECK(shop.lab.drops(CATFLAP_REASON_ETHERTYPE) == refused + 1);
    CHECK(passed() == before + 1);
}
