// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;

namespace {

std::vector<Address> addresses(const Strings& texts) {
    std::vector<Address> result;
    for (const std::string& text : texts)
        result.push_back(parse_address(text).value());
    return result;
}

template <class T>
T decoded(const std::string& text) {
    const Decoded result = decode(text, "f");
    CHECK(refusals(result).empty());
    REQUIRE(result.objects.size() == 1);
    return std::get<T>(result.objects[0].object);
}

Service service(const std::string& rest) {
    return decoded<Service>("apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop}\n" + rest);
}

EndpointSlice slice(const std::string& rest) {
    return decoded<EndpointSlice>(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        "metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}\n" +
        rest);
}

}  // namespace

TEST_CASE("a Service's addresses: those within the cluster, and those from outside") {
    const Service one = service(
        "spec:\n  clusterIP: 10.96.0.1\n  clusterIPs: [10.96.0.1, 'fd96::1']\n  externalIPs: [203.0.113.2]\n"
        "  internalTrafficPolicy: Local\n"
        "  ports: [{name: sql, port: 5432, targetPort: 5433, nodePort: 30000}, {name: u, protocol: UDP, port: 1}]\n"
        "status: {loadBalancer: {ingress: [{ip: 203.0.113.1, ipMode: VIP}, {hostname: db.example.com}]}}\n");
    CHECK(one.addresses == addresses({"10.96.0.1", "fd96::1"}));
    CHECK(one.external_addresses == addresses({"203.0.113.1", "203.0.113.2"}));
    CHECK(one.internal_policy == TrafficPolicy::local);
    CHECK(one.external_policy == TrafficPolicy::cluster);
    CHECK(one.ports == std::vector<ServicePort>{{"sql", Protocol::tcp, 5432, 30000}, {"u", Protocol::udp, 1, 0}});
}

TEST_CASE("a load balancer's address with ipMode Proxy is the load balancer's: kube-proxy lets it be") {
    CHECK(service("spec: {clusterIP: 10.96.0.1, ports: [{port: 1}]}\n"
                  "status: {loadBalancer: {ingress: [{ip: 203.0.113.1, ipMode: Proxy}, {ip: 203.0.113.2}]}}\n")
              .external_addresses == addresses({"203.0.113.2"}));
}

TEST_CASE("headless and ExternalName Services have no addresses") {
    CHECK(service("spec: {clusterIP: None, clusterIPs: [None], ports: [{port: 1}]}\n").addresses.empty());
    const Service name = service("spec: {type: ExternalName, externalName: example.com, ports: [{port: 1}]}\n");
    CHECK(name.addresses.empty());
    CHECK(name.ports.empty());
}

TEST_CASE("a Service that kube-proxy leaves alone has no external addresses, and one has none of another family") {
    const std::string rest = "externalIPs: [203.0.113.9, 'fd13::9'], ports: [{port: 443}]}\n";
    for (const char* spec : {"spec: {clusterIP: None, ", "spec: {", "spec: {clusterIP: '', "})
        CHECK(service(spec + rest).external_addresses.empty());
    CHECK(service("spec: {clusterIP: 10.96.0.1, " + rest).external_addresses == addresses({"203.0.113.9"}));
    const Service other = decoded<Service>(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b, labels: "
        "{service.kubernetes.io/service-proxy-name: mine}}\nspec: {clusterIP: 10.96.0.1, externalIPs: [203.0.113.9], "
        "ports: [{port: 443, nodePort: 30443}]}\n");
    CHECK(other.addresses.empty());
    CHECK(other.external_addresses.empty());
    CHECK(other.ports.at(0).node_port == 0);
    CHECK(service("spec: {clusterIPs: [10.96.0.1, 'fd96::1'], " + rest).external_addresses ==
          addresses({"203.0.113.9", "fd13::9"}));
}

TEST_CASE("an EndpointSlice's endpoints with their conditions; what is missing is ready, serving, not terminating") {
    const EndpointSlice one = slice(
        "addressType: IPv4\nports: [{name: sql, protocol: TCP, port: 5433}, {name: all, protocol: TCP}]\n"
        "endpoints:\n"
        "- {addresses: [10.9.0.1], conditions: {ready: true}, nodeName: n1}\n"
        "- {addresses: [10.9.0.2]}\n"
        "- {addresses: [10.9.0.3], conditions: {ready: false, serving: true, terminating: true}}\n"
        "- {addresses: [10.9.0.4], conditions: {ready: false, serving: false, terminating: true}}\n"
        "- {addresses: [10.9.0.5], conditions: {ready: false}}\n");
    CHECK(one.service == "db");
    CHECK(one.ports == std::vector<SlicePort>{{"sql", Protocol::tcp, 5433}});
    CHECK(one.endpoints == std::vector<SliceEndpoint>{{addresses({"10.9.0.1"}), "n1"},
                                                      {addresses({"10.9.0.2"}), ""},
                                                      {addresses({"10.9.0.3"}), "", false, true, true},
                                                      {addresses({"10.9.0.4"}), "", false, false, true},
                                                      {addresses({"10.9.0.5"}), "", false, true, false}});
}

TEST_CASE("an endpoint's hints, and the zone of a node") {
    const EndpointSlice one = slice(
        "addressType: IPv4\nports: [{name: sql, protocol: TCP, port: 5433}]\n"
        "endpoints: [{addresses: [10.9.0.1], hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: n1}]}}]\n");
    REQUIRE(one.endpoints.size() == 1);
    CHECK(one.endpoints[0].for_zones == Strings{"a", "b"});
    CHECK(one.endpoints[0].for_nodes == Strings{"n1"});
    CHECK(decoded<Node>("apiVersion: v1\nkind: Node\n"
                        "metadata: {name: n1, labels: {topology.kubernetes.io/zone: a}}\n")
              .zone == "a");
}

TEST_CASE("externalTrafficPolicy") {
    CHECK(service("spec: {clusterIP: 10.96.0.1, externalTrafficPolicy: Local, ports: [{port: 1}]}\n").external_policy ==
          TrafficPolicy::local);
}

TEST_CASE("names are not addresses: a slice of them leads nowhere that is known") {
    CHECK(
        slice("addressType: FQDN\nendpoints: [{addresses: [db.example.com]}]\nports: [{port: 1}]\n").endpoints.empty());
}

TEST_CASE("what is no address, and no port, is refused") {
    const auto refused = [](const std::string& text) { return refusals(decode(text, "f")); };
    CHECK(refused("apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\nspec: {clusterIP: x}\n").size() ==
          1);
    CHECK(refused("apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\nspec: {ports: [{name: x}]}\n") ==
          Strings{"f:4: Service b/a: spec.ports[0].port: is missing; write a port (1 to 65535)"});
}
