// SPDX-License-Identifier: Apache-2.0
// The copies of established flows that each CPU keeps (bpf/recent.h): what they let pass, and what they must not.
#include <bpf/bpf.h>
#include <time.h>

#include "kernel/flows.h"
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

// Behind the copies' back: what passes then, passes by a copy.
void delete_flows(Shop& shop) {
    const int fd = shop.lab.datapath().map_fd("flows");
    std::vector<catflap_flow_key> keys;
    kernel::for_each_flow(fd, [&](const catflap_flow_key& key, const catflap_flow&) {
        keys.push_back(key);
        return true;
    });
    for (const catflap_flow_key& key : keys)
        REQUIRE(bpf_map_delete_elem(fd, &key) == 0);
}

void wait_until_too_old() {
    const timespec quarter{0, 350'000'000};  // 25 ticks, of 10 ms at most
    nanosleep(&quarter, nullptr);
}

}  // namespace

TEST_CASE("the middle of an established flow passes by its copy, both ways, and is counted") {
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

TEST_CASE("a copy is soon too old, and the flow is looked up") {
    Shop shop(web_policy() + egress_policy());
    connect(shop);
    delete_flows(shop);
    wait_until_too_old();
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
}

TEST_CASE("a change of policy counts more than a copy") {
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

TEST_CASE("another connection, protocol or address finds no copy") {
    Shop shop(web_policy() + egress_policy());
    connect(shop);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, kClient, 80, 40001), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kAck, "10.0.0.3"), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::from_pod,
                  Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = kClient} /
                      Udp{.source_port = 80, .destination_port = 40000},
                  CATFLAP_REASON_POLICY);
}

TEST_CASE("what opens or ends a connection goes the whole way") {
    for (const int flags : {kFin | kAck, kRst | kAck}) {
        Shop shop(web_policy() + egress_policy());
        connect(shop);
        CHECK(shop.to(tcp_to_web(static_cast<uint8_t>(flags))));
        delete_flows(shop);  // and the copy went with the end
        check_dropped(shop, Hook::from_pod, tcp_from_web(kAck), CATFLAP_REASON_POLICY);
    }
    Shop shop(web_policy() + egress_policy());
    connect(shop);
    check_dropped(shop, Hook::from_pod, tcp_from_web(kSyn), CATFLAP_REASON_POLICY);
}

TEST_CASE("one-way UDP has no copy: its answer must still be seen to establish it") {
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
