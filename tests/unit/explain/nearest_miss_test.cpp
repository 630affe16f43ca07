// SPDX-License-Identifier: Apache-2.0
// What is said of the rule that came nearest, by hand.
#include "unit/explain/support.h"

using namespace catflap;
using namespace catflap::explain::test;
using Operator = LabelRequirement::Operator;

namespace {

const PolicyPort kHttp{Protocol::tcp, uint16_t{8080}, {}};

}  // namespace

TEST_CASE("nearest miss: no rules") {
    CHECK(miss(with_ingress({}), "shop/client") == "it has no Ingress rules, so it admits nothing");
    Cluster cluster = with_ingress({});
    cluster.policies[{"shop", "p"}].stands_in = true;
    CHECK(miss(cluster, "shop/client") ==
          "it was refused, and no earlier version of it is known: it isolates without rules");
}

TEST_CASE("nearest miss: right peer, wrong port or protocol") {
    const std::vector<PolicyPeer> clients = {pods(with("app", {"client"}))};
    const Cluster cluster = with_ingress({{clients, {kHttp, {Protocol::udp, uint16_t{53}, uint16_t{60}}}}});
    CHECK(miss(cluster, "shop/client", "80/tcp") ==
          "[0]: right peer, but it admits TCP 8080, UDP 53 to 60, not TCP 80");
    CHECK(miss(cluster, "shop/client", "8080/udp") ==
          "[0]: right peer, but it admits TCP 8080, UDP 53 to 60, not UDP 8080");
    CHECK(miss(cluster, "shop/client", "icmp") == "[0]: right peer, but it admits TCP 8080, UDP 53 to 60, not ICMP");
    CHECK(miss(with_ingress({{{}, {{Protocol::sctp, {}, {}}}}}), "shop/client") ==
          "[0]: right peer, but it admits every SCTP port, not TCP 8080");
    CHECK(ask(cluster, {"shop/client", "shop/web", "55/udp"}).allowed);
}

TEST_CASE("nearest miss: a port's name") {
    const Cluster cluster = with_ingress({{{}, {{Protocol::tcp, std::string("http"), {}}}}});
    CHECK(ask(cluster, {"shop/client", "shop/web", "8080/tcp"}).allowed);
    CHECK(miss(cluster, "shop/client", "80/tcp") ==
          "[0]: right peer, but it admits TCP http (8080 at shop/web), not TCP 80");
    CHECK(miss(with_ingress({{{}, {{Protocol::tcp, std::string("admin"), {}}}}}), "shop/client") ==
          "[0]: right peer, but it admits TCP admin (which shop/web does not declare), not TCP 8080");
    Cluster egress = small_cluster();
    egress.policies[{"shop", "p"}] = {{"shop", "p"}, {}, false,
                                      true,          {}, {{{}, {{Protocol::tcp, std::string("http"), {}}}}}};
    CHECK(ask(egress, {"shop/client", "shop/web", "8080/tcp"}).allowed);
    CHECK(ask(egress, {"shop/client", "10.9.9.9", "8080/tcp"}).paths[0].ends[0].misses.at(0).reason ==
          "right peer, but it admits TCP http (a name, which only a pod can declare), not TCP 8080");
}

TEST_CASE("nearest miss: labels of the pod and of its namespace") {
    const auto of = [](PolicyPeer peer) { return with_ingress({{{std::move(peer)}, {kHttp}}}); };
    CHECK(miss(of(pods(with("app", {"front"}))), "shop/client") ==
          "[0]: right port, but from[0]: pod shop/client has app=client, wanted app=front");
    CHECK(miss(of(pods(with("tier", {"a", "b"}))), "shop/client") ==
          "[0]: right port, but from[0]: pod shop/client has no label tier, wanted tier in (a,b)");
    CHECK(miss(of(namespaces(with("team", {"blue"}))), "lab/client") ==
          "[0]: right port, but from[0]: namespace lab has team=red, wanted team=blue");
    CHECK(miss(of(namespaces(where("team", Operator::does_not_exist))), "lab/client") ==
          "[0]: right port, but from[0]: namespace lab has team=red, wanted !team");
    CHECK(miss(of(namespaces(where("team", Operator::not_in, {"red"}))), "lab/client") ==
          "[0]: right port, but from[0]: namespace lab has team=red, wanted team!=red");
    CHECK(miss(of({where("old", Operator::does_not_exist), with("team", {"blue"}), {}}), "lab/client") ==
          "[0]: right port, but from[0]: namespace lab has team=red, wanted team=blue; "
          "pod lab/client has old=\"\", wanted !old");
    Cluster unknown = of(namespaces(with("team", {"red"})));
    unknown.namespaces.erase("lab");
    CHECK(miss(unknown, "lab/client") ==
          "[0]: right port, but from[0]: namespace lab has no label team, wanted team=red "
          "(there is no Namespace lab that could have labels)");
}

TEST_CASE("nearest miss: a podSelector alone stays in the policy's namespace") {
    CHECK(miss(with_ingress({{{pods(with("app", {"client"}))}, {}}}), "lab/client") ==
          "[0]: right port, but from[0]: without a namespaceSelector it selects pods of namespace shop only, and "
          "lab/client is in lab");
}

TEST_CASE("nearest miss: blocks of addresses, and addresses that are nobody's") {
    const Cluster cluster = with_ingress({{{block("10.0.0.0/16", {cidr("10.0.1.0/24")})}, {kHttp}}});
    CHECK(ask(cluster, {"10.0.2.7", "shop/web", "8080/tcp"}).allowed);
    CHECK(miss(cluster, "10.0.1.7") ==
          "[0]: right port, but from[0]: ipBlock 10.0.0.0/16 contains 10.0.1.7, but it has except 10.0.1.0/24");
    CHECK(miss(cluster, "192.0.2.1") == "[0]: right port, but from[0]: ipBlock 10.0.0.0/16 does not contain 192.0.2.1");
    CHECK(miss(with_ingress({{{pods({})}, {kHttp}}}), "192.0.2.1") ==
          "[0]: right port, but from[0]: it selects pods, and 192.0.2.1 is no pod's address");
    Cluster host = with_ingress({{{pods({})}, {kHttp}}});
    add_pod(host, {"shop", "proxy"}, {}, {at("10.9.0.2")});
    host.pods[{"shop", "proxy"}].host_network = true;
    host.pods[{"shop", "proxy"}].node = "n2";
    CHECK(miss(host, "shop/proxy") ==
          "[0]: right port, but from[0]: 10.9.0.2 is an address of a node, whose network pods like shop/proxy use: no "
          "selector matches these");
}

TEST_CASE("nearest miss: of several rules and peers the one in whose way the fewest things are") {
    const Cluster cluster = with_ingress({
        {{block("192.0.2.0/24")}, {kHttp}},
        {{{with("app", {"front"}), with("team", {"blue"}), {}}, pods(with("app", {"front"}))}, {kHttp}},
        {{pods(with("app", {"client"}))}, {{Protocol::tcp, uint16_t{443}, {}}}},
        {{pods(with("app", {"front"}))}, {{Protocol::tcp, uint16_t{443}, {}}}},
    });
    CHECK(miss(cluster, "shop/client") == "[2]: right peer, but it admits TCP 443, not TCP 8080");
    CHECK(miss(cluster, "lab/client", "443/tcp").starts_with("[1]: wrong port") == false);
    CHECK(miss(cluster, "shop/client", "80/tcp") == "[2]: right peer, but it admits TCP 443, not TCP 80");
    CHECK(miss(with_ingress(
                   {{{block("10.8.0.0/16"), pods(with("app", {"front"}))}, {{Protocol::tcp, uint16_t{443}, {}}}}}),
               "shop/client") ==
          "[0]: wrong port (it admits TCP 443, not TCP 8080) and wrong peer: from[1]: "
          "pod shop/client has app=client, wanted app=front");
}

TEST_CASE("every rule that admits is listed, and then nothing of what does not") {
    Cluster cluster = with_ingress({{{}, {kHttp}}, {{pods(with("app", {"other"}))}, {}}, {{}, {}}});
    cluster.policies[{"shop", "deny"}] = {{"shop", "deny"}, {}, true, true, {}, {}};
    const auto explanation = ask(cluster, {"shop/client", "shop/web", "8080/tcp"});
    const report::EndVerdict& ingress = explanation.paths.at(0).ends.at(1);
    CHECK(ingress.sentence == "admitted by shop/p Ingress[0], shop/p Ingress[2]");
    CHECK(ingress.isolated_by == std::vector<std::string>{"shop/deny", "shop/p"});
    CHECK(ingress.misses.empty());
    const report::EndVerdict& egress = explanation.paths[0].ends[0];
    CHECK(egress.sentence == "a policy isolates it, and no rule of it admits this");
    CHECK(egress.misses.at(0).reason == "it has no Egress rules, so it admits nothing");
    CHECK_FALSE(explanation.allowed);
}
