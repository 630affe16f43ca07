// SPDX-License-Identifier: Apache-2.0
#include "unit/iptables/support.h"

using namespace catflap;
using namespace catflap::iptables;
using namespace catflap::iptables::test;
using Lines = std::vector<std::string>;

TEST_CASE("a policy whose rules admit nothing is a chain without rules") {
    CHECK(render_policy(ingress_policy({})).rules.empty());
}

TEST_CASE("a rule without peers and ports admits every protocol") {
    CHECK(render_policy(ingress_policy({{}})).rules == Lines{kAccept, kReturn});
}

TEST_CASE("one peer, one protocol: one rule and its return") {
    const Rendered rendered = render_policy(ingress_policy({{{peer("db")}, {number(80), number(443)}}}));
    const std::string set = rendered.set("pods app=db in namespace a");
    CHECK(set.starts_with("cali40s:"));
    CHECK(rendered.rules ==
          Lines{"-p tcp -m set --match-set " + set + " src -m multiport --dports 80,443 " + kAccept, kReturn});
    CHECK(rendered.members("pods app=db in namespace a") == Lines{"10.0.0.2"});
}

TEST_CASE("in egress the set is the destination") {
    const Rendered rendered = render_policy(egress_policy({{{peer("db")}, {}}}));
    CHECK(rendered.rules ==
          Lines{"-m set --match-set " + rendered.set("pods app=db in namespace a") + " dst " + kAccept, kReturn});
}

TEST_CASE("each protocol and each peer is a rule of its own; a protocol without a port has no multiport") {
    const Rendered rendered = render_policy(
        ingress_policy({{{block("10.0.0.0/8"), block("192.0.2.0/24")}, {number(80), {Protocol::sctp, {}, {}}}}}));
    CHECK(rendered.rules == Lines{"-s 10.0.0.0/8 -p tcp -m multiport --dports 80 " + kAccept, kReturn,
                                  "-s 10.0.0.0/8 -p sctp " + kAccept, kReturn,
                                  "-s 192.0.2.0/24 -p tcp -m multiport --dports 80 " + kAccept, kReturn,
                                  "-s 192.0.2.0/24 -p sctp " + kAccept, kReturn});
}

TEST_CASE("a range is written with a colon") {
    CHECK(render_policy(ingress_policy({{{}, {{Protocol::udp, uint16_t{8000}, uint16_t{8080}}}}})).rules.front() ==
          "-p udp -m multiport --dports 8000:8080 " + kAccept);
}

TEST_CASE("blocks and sets are of one family") {
    const Policy policy = ingress_policy({{{block("10.0.0.0/8"), block("fd00::/8"), peer("web")}, {}}});
    const Rendered v4 = render_policy(policy, Family::ipv4);
    CHECK(v4.rules.front() == "-s 10.0.0.0/8 " + kAccept);
    CHECK(v4.rules.size() == 4);
    CHECK(v4.members("pods app=web in namespace a") == Lines{"10.0.0.1"});
    const Rendered v6 = render_policy(policy, Family::ipv6);
    CHECK(v6.rules.front() == "-s fd00::/8 " + kAccept);
    CHECK(v6.set("pods app=web in namespace a").starts_with("cali60s:"));
    CHECK(v6.members("pods app=web in namespace a") == Lines{"fd00::1"});
    // Peers of the other family only are nobody, not everybody.
    CHECK(render_policy(ingress_policy({{{block("fd00::/8")}, {}}}), Family::ipv4).rules.empty());
}

TEST_CASE("except: a block of scratch marks in front of the rule") {
    CHECK(render_policy(
              ingress_policy({{{block("10.0.0.0/8", {prefix("10.1.0.0/16"), prefix("10.2.0.0/16")})}, {number(80)}}}))
              .rules == Lines{"-j MARK --set-xmark 0x0/0xc0000", "-s 10.0.0.0/8 -j MARK --set-xmark 0x40000/0x40000",
                              "-s 10.1.0.0/16 -j MARK --set-xmark 0x0/0x40000",
                              "-s 10.2.0.0/16 -j MARK --set-xmark 0x0/0x40000",
                              "-p tcp -m mark --mark 0x40000/0x40000 -m multiport --dports 80 " + kAccept, kReturn});
}

TEST_CASE("more ports than a multiport holds are a block; after one of addresses both must match") {
    std::vector<PolicyPort> ports;
    for (uint16_t port = 1; port <= 32; port = static_cast<uint16_t>(port + 2))
        ports.push_back(number(port));
    const std::string first = "-m multiport --dports 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29 ";
    const std::string second = "-m multiport --dports 31 ";
    CHECK(render_policy(ingress_policy({{{}, ports}})).rules ==
          Lines{"-j MARK --set-xmark 0x0/0xc0000", "-p tcp " + first + "-j MARK --set-xmark 0x40000/0x40000",
                "-p tcp " + second + "-j MARK --set-xmark 0x40000/0x40000",
                "-p tcp -m mark --mark 0x40000/0x40000 " + kAccept, kReturn});
    const std::string so_far = "-p tcp -m mark --mark 0x40000/0x40000 ";
    CHECK(render_policy(ingress_policy({{{block("10.0.0.0/8", {prefix("10.1.0.0/16")})}, ports}})).rules ==
          Lines{"-j MARK --set-xmark 0x0/0xc0000", "-s 10.0.0.0/8 -j MARK --set-xmark 0x40000/0x40000",
                "-s 10.1.0.0/16 -j MARK --set-xmark 0x0/0x40000",
                so_far + first + "-j MARK --set-xmark 0x80000/0x80000",
                so_far + second + "-j MARK --set-xmark 0x80000/0x80000",
                "-m mark --mark 0x0/0x80000 -j MARK --set-xmark 0x0/0x40000", so_far + kAccept, kReturn});
}

TEST_CASE("a port's name in ingress: the policy's own pods, each with its own number") {
    const Rendered rendered = render_policy(ingress_policy({{{peer("db")}, {named("http")}}}));
    const std::string ports = rendered.set("port http/TCP of pods app=web in namespace a");
    CHECK(ports.starts_with("cali40n:"));
    CHECK(rendered.rules == Lines{"-p tcp -m set --match-set " + rendered.set("pods app=db in namespace a") +
                                      " src -m set --match-set " + ports + " dst,dst " + kAccept,
                                  kReturn});
    CHECK(rendered.members("port http/TCP of pods app=web in namespace a") == Lines{"10.0.0.1,tcp:80"});
}

TEST_CASE("a port's name in egress: the peers that declare it, or any pod") {
    const Rendered chosen = render_policy(egress_policy({{{peer("db")}, {named("http"), number(443)}}}));
    const std::string pods = "pods app=db in namespace a";
    CHECK(chosen.rules ==
          Lines{"-p tcp -m set --match-set " + chosen.set(pods) + " dst -m multiport --dports 443 " + kAccept, kReturn,
                "-p tcp -m set --match-set " + chosen.set("port http/TCP of " + pods) + " dst,dst " + kAccept,
                kReturn});
    CHECK(chosen.members("port http/TCP of " + pods) == Lines{"10.0.0.2,tcp:8080"});

    const std::string any = "port http/TCP of all pods in all namespaces";
    const Rendered all = render_policy(egress_policy({{{}, {named("http")}}}));
    CHECK(all.rules == Lines{"-p tcp -m set --match-set " + all.set(any) + " dst,dst " + kAccept, kReturn});
    CHECK(all.members(any) == Lines{"10.0.0.1,tcp:80", "10.0.0.2,tcp:8080"});
}

TEST_CASE("ports of both kinds are a block of scratch marks") {
    const Rendered rendered = render_policy(ingress_policy({{{}, {number(443), named("dns", Protocol::udp)}}}));
    CHECK(rendered.rules.size() == 4);  // different protocols: rules of their own
    const Rendered same = render_policy(ingress_policy({{{}, {number(443), named("http")}}}));
    const std::string set = same.set("port http/TCP of pods app=web in namespace a");
    CHECK(same.rules == Lines{"-j MARK --set-xmark 0x0/0xc0000",
                              "-p tcp -m multiport --dports 443 -j MARK --set-xmark 0x40000/0x40000",
                              "-p tcp -m set --match-set " + set + " dst,dst -j MARK --set-xmark 0x40000/0x40000",
                              "-p tcp -m mark --mark 0x40000/0x40000 " + kAccept, kReturn});
}

TEST_CASE("pods on the node's network, finished ones, and those without an address are in no set") {
    Cluster cluster = small_cluster();
    cluster.pods.at({"a", "db"}).host_network = true;
    const std::string meaning = "all pods in namespace a";
    const Policy policy = ingress_policy({{{PolicyPeer{Selector{}, {}, {}}}, {}}});
    CHECK(render_policy(policy, Family::ipv4, cluster).members(meaning) == Lines{"10.0.0.1"});
    cluster.pods.at({"a", "web"}).finished = true;
    CHECK(render_policy(policy, Family::ipv4, cluster).members(meaning).empty());
}

TEST_CASE("a hash:net set cannot hold /0: its two halves") {
    for (const auto& [whole, halves] :
         {std::pair{"0.0.0.0/0", Lines{"0.0.0.0/1", "128.0.0.0/1"}}, std::pair{"::/0", Lines{"::/1", "8000::/1"}},
          std::pair{"10.0.0.0/8", Lines{"10.0.0.0/8"}}}) {
        std::vector<SetMember> members;
        append_net(members, prefix(whole));
        Lines texts_of;
        for (const SetMember& member : members)
            texts_of.push_back(to_string(member, SetKind::selector));
        CHECK(texts_of == halves);
    }
}
