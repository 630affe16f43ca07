// SPDX-License-Identifier: Apache-2.0
// Where a packet to a Service may end, by what kube-proxy does with it.
#include "resolve/frontends.h"

#include <doctest/doctest.h>

#include <map>

using namespace catflap;
using namespace catflap::resolve;

namespace {

Address address(const std::string& text) {
    return parse_address(text).value();
}

struct Shop {
    Cluster cluster;
    ThisNode node{"n1", {}, {}};

    Shop() {
        cluster.nodes["n1"] = {"n1", {address("10.8.0.1"), address("fd08::1")}};
        cluster.nodes["n2"] = {"n2", {address("10.8.0.2")}};
    }

    // Port 80/tcp, to port 8080 of a backend on n1 and one on n2.
    Service& service(const std::string& name, const std::string& cluster_ip, const std::string& near,
                     const std::string& far) {
        const ObjectName key{"shop", name};
        EndpointSlice slice{key, name, {}, {{"web", Protocol::tcp, 8080}}};
        slice.endpoints = {{{address(near)}, "n1"}, {{address(far)}, "n2"}};
        cluster.slices[key] = slice;
        Service service;
        service.name = key;
        if (!cluster_ip.empty())
            service.addresses = {address(cluster_ip)};
        service.ports = {{"web", Protocol::tcp, 80, 0}};
        return cluster.services[key] = service;
    }

    // One that hangs on n1.
    Pod& pod(const std::string& name, const std::vector<std::string>& addresses) {
        const ObjectName key{"shop", name};
        node.pods.push_back(key);
        Pod& pod = cluster.pods[key];
        pod.name = key;
        for (const std::string& text : addresses)
            pod.addresses.push_back(address(text));
        return pod;
    }

    // "backends" of each port at the address, in words: "80: 10.9.1.1:8080 10.9.2.1:8080; ".
    [[nodiscard]] std::string at(const std::string& text) const {
        std::string result;
        for (const Frontend& frontend : frontends_of(cluster, node))
            for (const Address& one : frontend.addresses) {
                if (one != address(text))
                    continue;
                CHECK_MESSAGE(result.empty(), "an address in two frontends");
                for (const FrontendPort& port : frontend.ports) {
                    result += fmt::format("{}:", port.port);
                    for (const Backend& backend : port.backends)
                        result += fmt::format(" {}:{}", to_string(backend.address), backend.port);
                    result += "; ";
                }
            }
        return result;
    }
};

}  // namespace

TEST_CASE("a Service's address has the backends of its own family") {
    Shop shop;
    shop.service("web", "10.96.0.1", "10.9.1.1", "10.9.2.1").addresses.push_back(address("fd96::1"));
    CHECK(shop.at("10.96.0.1") == "80: 10.9.1.1:8080 10.9.2.1:8080; ");
    CHECK(shop.at("fd96::1") == "80:; ");
    CHECK(shop.at("10.96.0.2").empty());
}

TEST_CASE("internalTrafficPolicy Local: this node's backends at the cluster IP, all of them everywhere else") {
    Shop shop;
    Service& service = shop.service("web", "10.96.0.1", "10.9.1.1", "10.9.2.1");
    service.internal_policy = TrafficPolicy::local;
    service.external_addresses = {address("203.0.113.1")};
    service.ports[0].node_port = 30080;
    CHECK(shop.at("10.96.0.1") == "80: 10.9.1.1:8080; ");
    CHECK(shop.at("203.0.113.1") == "80: 10.9.1.1:8080 10.9.2.1:8080; ");
    CHECK(shop.at("10.8.0.1") == "30080: 10.9.1.1:8080 10.9.2.1:8080; ");
}

TEST_CASE("externalTrafficPolicy Local: from outside the cluster's endpoints, or those of this node") {
    Shop shop;
    Service& service = shop.service("web", "10.96.0.1", "10.9.1.1", "10.9.2.1");
    service.external_policy = TrafficPolicy::local;
    service.external_addresses = {address("203.0.113.1")};
    service.ports[0].node_port = 30080;
    EndpointSlice& slice = shop.cluster.slices.begin()->second;
    slice.endpoints[0] = {{address("10.9.1.1")}, "n1", false, true, true};
    CHECK(shop.at("10.96.0.1") == "80: 10.9.2.1:8080; ");
    CHECK(shop.at("203.0.113.1") == "80: 10.9.1.1:8080 10.9.2.1:8080; ");
    CHECK(shop.at("10.8.0.1") == "30080: 10.9.1.1:8080 10.9.2.1:8080; ");
}

TEST_CASE("hints for the zone of this node's Node object") {
    Shop shop;
    shop.service("web", "10.96.0.1", "10.9.1.1", "10.9.2.1");
    EndpointSlice& slice = shop.cluster.slices.begin()->second;
    slice.endpoints[0].for_zones = {"a"};
    slice.endpoints[1].for_zones = {"b"};
    CHECK(shop.at("10.96.0.1") == "80: 10.9.1.1:8080 10.9.2.1:8080; ");
    shop.cluster.nodes["n1"].zone = "b";
    CHECK(shop.at("10.96.0.1") == "80: 10.9.2.1:8080; ");
}

TEST_CASE("each family chooses for itself") {
    Shop shop;
    shop.service("web", "10.96.0.1", "10.9.1.1", "10.9.2.1").addresses.push_back(address("fd96::1"));
    EndpointSlice& slice = shop.cluster.slices.begin()->second;
    slice.endpoints.push_back({{address("fd09::1")}, "n1", false, true, true});
    CHECK(shop.at("10.96.0.1") == "80: 10.9.1.1:8080 10.9.2.1:8080; ");
    CHECK(shop.at("fd96::1") == "80: fd09::1:8080; ");
}

TEST_CASE("node ports are at this node's addresses") {
    Shop shop;
    shop.service("web", "10.96.0.1", "10.9.1.1", "10.9.2.1").ports[0].node_port = 30080;
    CHECK(shop.at("10.8.0.1") == "30080: 10.9.1.1:8080 10.9.2.1:8080; ");
    CHECK(shop.at("fd08::1") == "30080:; ");
    CHECK(shop.at("10.8.0.2").empty());
}

TEST_CASE("node ports are at whatever address the node has, whether its Node object knows it or not") {
    Shop shop;
    shop.service("web", "10.96.0.1", "10.9.1.1", "10.9.2.1").ports[0].node_port = 30080;
    shop.node.addresses = {address("10.8.0.1"), address("172.17.0.1"), address("fe80::1")};
    CHECK(shop.at("10.8.0.1") == "30080: 10.9.1.1:8080 10.9.2.1:8080; ");
    CHECK(shop.at("172.17.0.1") == "30080: 10.9.1.1:8080 10.9.2.1:8080; ");
    CHECK(shop.at("fe80::1") == "30080:; ");
    shop.cluster.nodes.clear();
    CHECK(shop.at("10.8.0.1") == "30080: 10.9.1.1:8080 10.9.2.1:8080; ");
}

TEST_CASE("a host port is at all of the node's addresses, or at the one that it names") {
    Shop shop;
    Pod& web = shop.pod("web", {"10.9.1.1", "fd09::1"});
    web.host_ports = {{Protocol::tcp, 8080, 80, {}}, {Protocol::udp, 53, 5353, address("10.8.0.1")}};
    shop.node.addresses = {address("172.17.0.1")};
    CHECK(shop.at("172.17.0.1") == "8080: 10.9.1.1:80; ");
    CHECK(shop.at("10.8.0.1") == "8080: 10.9.1.1:80; 53: 10.9.1.1:5353; ");
    CHECK(shop.at("fd08::1") == "8080: fd09::1:80; ");
    CHECK(shop.at("10.8.0.2").empty());
}

TEST_CASE("a host port at an address that is not the node's is nowhere: nobody redirects it") {
    Shop shop;
    shop.pod("web", {"10.9.1.1"}).host_ports = {{Protocol::tcp, 80, 80, address("169.254.169.254")}};
    CHECK(shop.at("169.254.169.254").empty());
    CHECK(shop.at("10.8.0.1").empty());
    shop.node.addresses = {address("169.254.169.254")};
    CHECK(shop.at("169.254.169.254") == "80: 10.9.1.1:80; ");
}

TEST_CASE("a host port of a pod without an address is closed; of one without this family, it is none") {
    Shop shop;
    shop.pod("web", {}).host_ports = {{Protocol::tcp, 8080, 80, {}}};
    CHECK(shop.at("10.8.0.1") == "8080:; ");
    CHECK(shop.at("fd08::1") == "8080:; ");
    shop.cluster.pods.begin()->second.addresses = {address("10.9.1.1")};
    CHECK(shop.at("10.8.0.1") == "8080: 10.9.1.1:80; ");
    CHECK(shop.at("fd08::1").empty());
}

TEST_CASE("a host port that is a node port, too, or another pod's: the backends of all of them") {
    Shop shop;
    shop.service("web", "10.96.0.1", "10.9.1.1", "10.9.2.1").ports[0].node_port = 30080;
    shop.pod("a", {"10.9.1.3"}).host_ports = {{Protocol::tcp, 30080, 80, {}}};
    shop.pod("b", {"10.9.1.4"}).host_ports = {{Protocol::tcp, 30080, 81, {}}};
    CHECK(shop.at("10.8.0.1") == "30080: 10.9.1.1:8080 10.9.1.3:80 10.9.1.4:81 10.9.2.1:8080; ");
}

TEST_CASE("an external IP that is the node's own has its Service's ports and the node ports") {
    Shop shop;
    shop.service("web", "10.96.0.1", "10.9.1.1", "10.9.2.1").external_addresses = {address("10.8.0.1")};
    shop.service("db", "10.96.0.2", "10.9.1.2", "10.9.2.2").ports[0].node_port = 30080;
    CHECK(shop.at("10.8.0.1") == "80: 10.9.1.1:8080 10.9.2.1:8080; 30080: 10.9.1.2:8080 10.9.2.2:8080; ");
}

TEST_CASE("two Services at one external IP: both Services' ports, at the same port the backends of both") {
    Shop shop;
    shop.service("web", "10.96.0.1", "10.9.1.1", "10.9.2.1").external_addresses = {address("203.0.113.1")};
    Service& db = shop.service("db", "10.96.0.2", "10.9.1.2", "10.9.2.2");
    db.external_addresses = {address("203.0.113.1")};
    CHECK(shop.at("203.0.113.1") == "80: 10.9.1.1:8080 10.9.1.2:8080 10.9.2.1:8080 10.9.2.2:8080; ");
    db.ports[0].port = 81;
    CHECK(shop.at("203.0.113.1") == "80: 10.9.1.1:8080 10.9.2.1:8080; 81: 10.9.1.2:8080 10.9.2.2:8080; ");
    CHECK(shop.at("10.96.0.2") == "81: 10.9.1.2:8080 10.9.2.2:8080; ");
}

TEST_CASE("a headless Service is at no address") {
    Shop shop;
    shop.service("web", "", "10.9.1.1", "10.9.2.1");
    CHECK(frontends_of(shop.cluster, shop.node).empty());
}

TEST_CASE("names differ: addresses with different answers are never one class") {
    Shop shop;
    Service& service = shop.service("web", "10.96.0.1", "10.9.1.1", "10.9.2.1");
    service.external_addresses = {address("203.0.113.1"), address("203.0.113.2"), address("10.8.0.1")};
    service.ports[0].node_port = 30080;
    std::map<std::string, size_t> addresses;
    for (const Frontend& frontend : frontends_of(shop.cluster, shop.node))
        CHECK(addresses.emplace(frontend.name, frontend.addresses.size()).second);
    CHECK(addresses == std::map<std::string, size_t>{{"shop/web IPv4", 1},
                                                     {"shop/web from outside IPv4", 2},
                                                     {"shop/web from outside, node ports IPv4", 1},
                                                     {"node ports IPv6", 1}});
}
