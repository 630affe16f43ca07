// SPDX-License-Identifier: Apache-2.0
// What can be asked, and what is said of what cannot.
#include "unit/explain/support.h"

using namespace catflap;
using namespace catflap::explain::test;

TEST_CASE("an unknown pod, with the one that was meant") {
    const Cluster cluster = small_cluster();
    CHECK(refusal(cluster, {"shop/clint", "shop/web", "80/tcp"}) ==
          "there is no pod shop/clint, did you mean shop/client?");
    CHECK(refusal(cluster, {"shpo/web", "shop/web", "80/tcp"}) ==
          "there is no pod shpo/web: there is no namespace shpo, did you mean shop?");
    CHECK(refusal(cluster, {"shop/database", "shop/web", "80/tcp"}) == "there is no pod shop/database");
    Cluster deployed = small_cluster();
    add_pod(deployed, {"shop", "api-5d78c9869d-abcde"}, {}, {at("10.0.0.9")});
    CHECK(refusal(deployed, {"shop/web", "shop/api", "80/tcp"}) ==
          "there is no pod shop/api, did you mean shop/api-5d78c9869d-abcde?");
}

TEST_CASE("words that say nothing") {
    const Cluster cluster = small_cluster();
    const auto ends = [&](const char* from) { return refusal(cluster, {from, "shop/web", "80/tcp"}); };
    CHECK(ends("web") == "FROM \"web\" is neither NAMESPACE/POD nor an address nor \"host\"");
    CHECK(ends("") == "FROM \"\" is neither NAMESPACE/POD nor an address nor \"host\"");
    CHECK(ends("/web") == "FROM \"/web\" is neither NAMESPACE/POD nor an address nor \"host\"");
    CHECK(ends("10.0.0.0/8") == "FROM 10.0.0.0/8 is a block of addresses: ask about one of them");
    const auto port = [&](const char* text) { return refusal(cluster, {"shop/client", "shop/web", text}); };
    for (const char* wrong : {"80", "", "/tcp", "80/", "80/icmp", "tcp/80"})
        CHECK(port(wrong) == fmt::format("\"{}\" is no PORT/PROTOCOL: 80/tcp, 53/udp, 36412/sctp or icmp", wrong));
    for (const char* wrong : {"0", "65536", "8o", "-1", "80 "})
        CHECK(
            port((std::string(wrong) + "/tcp").c_str()) ==
            fmt::format("pod shop/web declares no TCP port named \"{}\", and it is no number from 1 to 65535", wrong));
    CHECK(refusal(cluster, {"shop/client", "10.1.1.1", "http/tcp"}) ==
          "port \"http\" is neither a number from 1 to 65535 nor a name, which only a pod can declare");
}

TEST_CASE("ports: of any case, and by the name that the receiver declares") {
    const Cluster cluster = small_cluster();
    CHECK(ask(cluster, {"shop/client", "shop/web", "80/TCP"}).port == 80);
    CHECK(ask(cluster, {"shop/client", "shop/web", "36412/sctp"}).protocol == "SCTP");
    CHECK(ask(cluster, {"shop/client", "shop/web", "http/tcp"}).port == 8080);
    CHECK(ask(cluster, {"shop/client", "shop/web", "ICMP"}).protocol == "ICMP");
}

TEST_CASE("ends without a network of their own") {
    Cluster cluster = with_ingress({});
    cluster.pods[{"shop", "client"}].finished = true;
    CHECK(refusal(cluster, {"shop/client", "shop/web", "80/tcp"}) ==
          "pod shop/client has finished: it sends and receives nothing, and its address may be another pod's by now");
    cluster.pods[{"lab", "client"}].addresses.clear();
    CHECK(refusal(cluster, {"lab/client", "shop/web", "80/tcp"}) ==
          "pod lab/client has no address yet: nothing can be sent to it, and no policy knows it as a peer");
    cluster.pods[{"lab", "client"}].node.clear();
    CHECK(refusal(cluster, {"lab/client", "shop/web", "80/tcp"}).find("as it is not scheduled") != std::string::npos);
    Cluster families = small_cluster();
    families.pods[{"lab", "client"}].addresses = {at("fd00::1")};
    CHECK(refusal(families, {"lab/client", "shop/web", "80/tcp"}) ==
          "lab/client and shop/web have no addresses of the same family (IPv4, IPv6)");
}

TEST_CASE("a pod on its node's network, and the node itself") {
    Cluster cluster = with_ingress({});
    add_pod(cluster, {"shop", "proxy"}, {{"app", "web"}}, {at("10.9.0.1")});
    cluster.pods[{"shop", "proxy"}].host_network = true;
    const auto from = ask(cluster, {"shop/proxy", "shop/web", "80/tcp"});
    CHECK(from.allowed);
    CHECK(from.paths[0].ends.at(0).sentence ==
          "it uses the network of its node (hostNetwork), to which policies do not apply");
    CHECK(from.paths[0].ends.at(1).sentence == "what the pod's own node sends always passes");
    cluster.pods[{"shop", "proxy"}].node = "n2";
    CHECK_FALSE(ask(cluster, {"shop/proxy", "shop/web", "80/tcp"}).allowed);
    CHECK(ask(cluster, {"shop/web", "shop/proxy", "80/tcp"}).allowed);

    const auto host = ask(cluster, {"host", "shop/web", "80/tcp"});
    CHECK(host.allowed);
    CHECK(host.paths[0].source == "10.9.0.1");
    CHECK(host.paths[0].ends.size() == 1);
    const auto forwarded = ask(cluster, {"10.9.0.1", "shop/web", "80/tcp"});
    CHECK_FALSE(forwarded.allowed);
    CHECK(forwarded.paths[0].ends.at(0).notes.at(0).find("FROM host") != std::string::npos);
    CHECK(ask(cluster, {"shop/web", "host", "80/tcp"}).paths[0].destination == "10.9.0.1");
    CHECK(refusal(cluster, {"host", "host", "80/tcp"}).find("both \"host\"") != std::string::npos);
    CHECK(refusal(cluster, {"host", "192.0.2.1", "80/tcp"}).find("there is no pod") != std::string::npos);
    cluster.nodes.clear();
    CHECK(refusal(cluster, {"host", "shop/web", "80/tcp"}).find("no Node with an address") != std::string::npos);
}

TEST_CASE("a Service is not explained, whether by name or by address") {
    Cluster cluster = small_cluster();
    Service& service = cluster.services[{"shop", "web"}];
    service.name = {"shop", "web"};
    service.addresses = {at("10.96.0.1")};
    EndpointSlice& slice = cluster.slices[{"shop", "web-1"}];
    slice.name = {"shop", "web-1"};
    slice.service = "web";
    slice.endpoints = {{{at("10.0.0.1")}, "n1"}};
    slice.ports = {{"", Protocol::tcp, 8080}};
    const std::string rest =
        "Services are not explained, as policies do not know them: ask about one of its endpoints (10.0.0.1 TCP 8080)";
    CHECK(refusal(cluster, {"shop/client", "svc/shop/web", "80/tcp"}) == rest);
    CHECK(refusal(cluster, {"shop/client", "10.96.0.1", "80/tcp"}) == "10.96.0.1 is Service shop/web; " + rest);
    CHECK(refusal(cluster, {"shop/client", "svc/shop/wbe", "80/tcp"}) == "there is no Service shop/wbe");
}

TEST_CASE("two families: a path each, and all of them must be allowed") {
    Cluster cluster = with_ingress({{{block("10.0.0.0/8")}, {}}});
    cluster.pods[{"shop", "web"}].addresses.push_back(at("fd00::1"));
    cluster.pods[{"shop", "client"}].addresses.push_back(at("fd00::2"));
    const auto explanation = ask(cluster, {"shop/client", "shop/web", "icmp"});
    REQUIRE(explanation.paths.size() == 2);
    CHECK(explanation.paths[0].allowed);
    CHECK_FALSE(explanation.paths[1].allowed);
    CHECK_FALSE(explanation.allowed);
}

TEST_CASE("what else is to be known of an end") {
    Cluster cluster = with_ingress({});
    cluster.pods[{"shop", "web"}].node = "virtual";
    cluster.nodes["virtual"] = {"virtual", {}, "", true};
    CHECK(ask(cluster, {"shop/client", "shop/web", "80/tcp"}).paths[0].ends.at(1).notes.at(0) ==
          "nobody enforces this on node virtual: a virtual node has no veths, and no agent");
    cluster.pods[{"shop", "web"}].node = "n7";
    const report::Question question{"shop/client", "shop/web", "80/tcp"};
    CHECK(
        ask(cluster, question).paths[0].ends.at(1).notes.at(0).starts_with("perhaps nobody enforces this on node n7"));
    CHECK(explain::explain(cluster, question, "n7")->paths[0].ends.at(1).notes.empty());
    CHECK(ask(cluster, {"10.0.0.1", "10.0.0.1", "80/tcp"}).allowed);  // itself
    CHECK(ask(cluster, {"192.0.2.1", "192.0.2.2", "80/tcp"}).notes.at(0) ==
          "neither end is a pod, so no policy has a say");
    CHECK(ask(cluster, {"shop/client", "10.9.0.1", "30080/tcp"}).notes.at(0).find("node port") != std::string::npos);
    add_pod(cluster, {"lab", "successor"}, {}, {at("10.0.0.2")});
    const auto shared = ask(cluster, {"10.0.0.2", "shop/web", "80/tcp"});
    CHECK(shared.paths[0].ends.size() == 3);
    CHECK(shared.paths[0].ends.back().notes.size() == 3);
}
