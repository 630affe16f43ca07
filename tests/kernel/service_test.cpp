// SPDX-License-Identifier: Apache-2.0
// Services: the pod sends to a frontend, the policy speaks of the backends.
#include "kernel/conntrack.h"
#include "kernel/fixture.h"

using namespace catflap;
using namespace catflap::test;

namespace {

// Service shop/db 10.96.0.1:5432 (node port 30000) -> the addresses, port 5433.
std::string service(const std::string& addresses) {
    return fmt::format(R"(---
apiVersion: v1
kind: Service
metadata: {{name: db, namespace: shop}}
spec:
  clusterIP: 10.96.0.1
  clusterIPs: [10.96.0.1, "fd96::1"]
  ports: [{{name: sql, protocol: TCP, port: 5432, targetPort: 5433, nodePort: 30000}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: db-1, namespace: shop, labels: {{kubernetes.io/service-name: db}}}}
addressType: IPv4
endpoints: [{{addresses: [{}]}}]
ports: [{{name: sql, protocol: TCP, port: 5433}}]
---
apiVersion: v1
kind: Node
metadata: {{name: n1}}
status: {{addresses: [{{type: InternalIP, address: 10.255.0.1}}]}}
)",
                       addresses);
}

// Egress of web: to app=client, TCP 5433 only.
std::string to_client() {
    return R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
  - to: [{podSelector: {matchLabels: {app: client}}}]
    ports: [{protocol: TCP, port: 5433}]
)";
}

Packet syn(const std::string& to, uint16_t port) {
    static uint16_t source_port = 20000;
    return Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = to} /
           Tcp{.source_port = ++source_port, .destination_port = port};
}

}  // namespace

// A connection of web to the Service that kube-proxy gave to this backend, and a packet of it either way.
void know_backend(const std::string& backend, const std::string& protocol = "tcp --state ESTABLISHED") {
    Conntrack::know(fmt::format("-s 10.0.0.1 -d 10.96.0.1 --sport 20000 --dport 5432 -r {} -q 10.0.0.1 "
                                "--reply-port-src 5433 --reply-port-dst 20000",
                                backend),
                    protocol);
}
Packet to_service(uint8_t flags) {
    return Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = "10.96.0.1"} /
           Tcp{.source_port = 20000, .destination_port = 5432, .flags = flags};
}
Packet from_service(uint8_t flags) {
    return Ethernet{} / Ipv4{.source = "10.96.0.1", .destination = "10.0.0.1"} /
           Tcp{.source_port = 5432, .destination_port = 20000, .flags = flags};
}
void open_to_service(Shop& shop) {
    REQUIRE(shop.from(to_service(kSyn)));
    REQUIRE(shop.to(from_service(kSyn | kAck)));
    REQUIRE(shop.from(to_service(kAck)));
}

TEST_CASE("a Service passes where every backend that may be chosen would") {
    Shop shop(to_client() + service("10.0.0.2"));
    CHECK(shop.from(syn("10.0.0.2", 5433)));
    CHECK(shop.from(syn("10.96.0.1", 5432)));
    check_dropped(shop, Hook::from_pod, syn("10.96.0.1", 5433),
                  CATFLAP_REASON_POLICY);  // the backend's port, not its own
    CHECK(shop.from(syn("10.255.0.1", 30000)));
    check_dropped(shop, Hook::from_pod, syn("10.255.0.1", 30001), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::from_pod, syn("10.96.0.2", 5432), CATFLAP_REASON_POLICY);
}

TEST_CASE("a host port of this node is judged by the pod behind it, whatever the policy says of the node's address") {
    const std::string mapped = R"(---
apiVersion: v1
kind: Pod
metadata: {name: mapped, namespace: shop, labels: {app: mapped}}
spec: {nodeName: n1, containers: [{ports: [{containerPort: 5433, hostPort: 1025}]}]}
status: {podIP: 10.0.0.77}
)";
    const std::string to_nodes = R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nodes, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
  - to: [{ipBlock: {cidr: 10.255.0.0/24}}]
)";
    const std::string pods = shop_pods() + mapped + service("10.0.0.2");
    const std::vector<ObjectName> local = {kWeb, {"shop", "mapped"}};
    Shop shop;
    shop.lab.enforce(cluster_of(pods + to_nodes), local);
    CHECK(shop.from(syn("10.255.0.1", 1024)));
    check_dropped(shop, Hook::from_pod, syn("10.255.0.1", 1025), CATFLAP_REASON_POLICY);
    shop.lab.enforce(cluster_of(pods + to_nodes + R"(  - to: [{podSelector: {matchLabels: {app: mapped}}}]
)"),
                     local);
    CHECK(shop.from(syn("10.255.0.1", 1025)));
}

TEST_CASE("one forbidden backend, or none at all, closes it; the change comes at once") {
    Shop shop(to_client() + service("10.0.0.3"));
    check_dropped(shop, Hook::from_pod, syn("10.96.0.1", 5432), CATFLAP_REASON_POLICY);
    shop.enforce(to_client() + service("10.0.0.2"));
    CHECK(shop.from(syn("10.96.0.1", 5432)));
    shop.enforce(to_client() + service("10.0.0.2, 10.0.0.3"));
    check_dropped(shop, Hook::from_pod, syn("10.96.0.1", 5432), CATFLAP_REASON_POLICY);
    shop.enforce(to_client() + service(""));
    check_dropped(shop, Hook::from_pod, syn("10.96.0.1", 5432), CATFLAP_REASON_POLICY);
}

TEST_CASE("a pod that no egress policy isolates reaches every Service") {
    Shop shop(service("10.0.0.3"));
    CHECK(shop.from(syn("10.96.0.1", 5432)));
}

TEST_CASE("an ingress policy sees the real sender on this node, also behind masquerading") {
    Shop shop;
    const std::vector<ObjectName> pods = {kWeb, {"shop", "client"}, {"shop", "other"}};
    shop.lab.enforce(cluster_of(shop_pods() + web_policy()), pods);
    const auto masqueraded = [](uint16_t port) { return tcp_to_web(kSyn, "10.255.0.1", 80, port); };
    CHECK(shop.lab.run(Hook::to_pod, masqueraded(1), {.ingress_ifindex = 2}));
    CHECK_FALSE(shop.lab.run(Hook::to_pod, masqueraded(2), {.ingress_ifindex = 3}));
    CHECK_FALSE(shop.lab.run(Hook::to_pod, masqueraded(3), {.ingress_ifindex = 99}));
    // Judged again as the same sender.
    Cluster cluster = cluster_of(shop_pods() + web_policy());
    cluster.policies.begin()->second.ingress.push_back({{}, {PolicyPort{Protocol::udp, uint16_t{9}, {}}}});
    shop.lab.enforce(cluster, pods);
    CHECK(shop.lab.run(Hook::to_pod, tcp_to_web(kAck, "10.255.0.1", 80, 1), {.ingress_ifindex = 2}));
}

TEST_CASE("a pod reaches itself through a Service") {
    Shop shop(web_policy() + to_client() + service("10.0.0.1"));
    const Packet hairpin = tcp_to_web(kSyn, "10.255.0.1", 5433);
    CHECK(shop.lab.run(Hook::to_pod, hairpin, {.ingress_ifindex = 1}));
    CHECK(shop.from(tcp_from_web(kSyn | kAck, "10.255.0.1", 5433)));
    CHECK_FALSE(shop.lab.run(Hook::to_pod, tcp_to_web(kSyn, "10.255.0.1", 5433, 40001), {.ingress_ifindex = 99}));
}

TEST_CASE("a live connection through a Service is judged by its backend, also when that has left the Service") {
    const Conntrack conntrack;
    for (const std::string& now : {std::string("10.0.0.3"), std::string("10.0.0.2, 10.0.0.3"), std::string()}) {
        CAPTURE(now);
        Shop shop(to_client() + service("10.0.0.2") + web_policy());
        Conntrack::forget();
        know_backend("10.0.0.2");
        open_to_service(shop);
        shop.enforce(to_client() + service(now) + web_policy());
        check_dropped(shop, Hook::from_pod, syn("10.96.0.1", 5432), CATFLAP_REASON_POLICY);
        CHECK(shop.to(from_service(kAck)));
        CHECK(shop.from(to_service(kAck)));
        shop.lab.forget_flows();
        CHECK(shop.from(to_service(kAck)));
        shop.lab.forget_flows();
        CHECK(shop.to(from_service(kAck)));
        check_dropped(shop, Hook::from_pod, to_service(kSyn), CATFLAP_REASON_POLICY);  // a new one
    }
}

TEST_CASE("and a policy that forbids its backend ends it, whatever it says of the present ones") {
    const Conntrack conntrack;
    Shop shop(service("10.0.0.3") + web_policy());
    know_backend("10.0.0.3");
    open_to_service(shop);
    shop.enforce(to_client() + service("10.0.0.2") + web_policy());
    REQUIRE(shop.from(syn("10.96.0.1", 5432)));
    for (const bool evicted : {false, true}) {
        CAPTURE(evicted);
        if (evicted)
            shop.lab.forget_flows();
        check_dropped(shop, Hook::from_pod, to_service(kAck), CATFLAP_REASON_POLICY);
        check_dropped(shop, Hook::to_pod, from_service(kAck), CATFLAP_REASON_POLICY);
    }
}

TEST_CASE("where nf_conntrack does not know the backend, the present ones are asked") {
    const Conntrack conntrack;
    Shop shop(to_client() + service("10.0.0.2") + web_policy());
    open_to_service(shop);
    shop.enforce(to_client() + service("10.0.0.2, 10.0.0.3") + web_policy());
    check_dropped(shop, Hook::from_pod, to_service(kAck), CATFLAP_REASON_POLICY);
    shop.enforce(to_client() + service("10.0.0.2") + web_policy());
    CHECK(shop.from(to_service(kAck)));
}

TEST_CASE("what is translated to no pod is still judged by the address that the pod sent to") {
    const Conntrack conntrack;
    const std::string to_metadata = R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: metadata, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: 10.96.0.1/32}}]}]
)";
    Shop shop(to_metadata);
    know_backend("10.255.0.9");  // not kube-proxy: the Service does not exist
    open_to_service(shop);
    shop.enforce(to_metadata + web_policy());
    CHECK(shop.from(to_service(kAck)));
}
