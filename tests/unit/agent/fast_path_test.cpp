// SPDX-License-Identifier: Apache-2.0
#include "agent/fast_path.h"

#include <doctest/doctest.h>

using namespace catflap::agent;

namespace {

FastPathEndpoint a_pod(uint32_t ifindex, uint32_t mtu = 1500) {
    return {ifindex, true, {true, true, mtu}, ""};
}

}  // namespace

TEST_CASE("nothing stands against it: TCP and UDP of every pod") {
    const FastPath decided = decide_fast_path({}, {a_pod(1), a_pod(2)});
    CHECK(decided.gates ==
          std::map<uint32_t, catflap_redirect_gate>{{1, CATFLAP_REDIRECT_TCP_UDP}, {2, CATFLAP_REDIRECT_TCP_UDP}});
    CHECK(decided.refused.empty());
    CHECK(fast_path_of(decided, 1) == "tcp,udp");
    CHECK(fast_path_of(decided, 3) == "no pod is known for the interface");
}

TEST_CASE("what stands against it at the node closes every gate, or leaves UDP") {
    const FastPath udp = decide_fast_path({"", "strict"}, {a_pod(1)});
    CHECK(udp.gates == std::map<uint32_t, catflap_redirect_gate>{{1, CATFLAP_REDIRECT_UDP}});
    CHECK(fast_path_of(udp, 1) == "udp");
    const FastPath off = decide_fast_path({"rules", "strict"}, {a_pod(1)});
    CHECK(off.gates.empty());
    CHECK(off.endpoints == 1);
    CHECK(fast_path_of(off, 1) == "rules");
}

TEST_CASE("what stands against it at an endpoint leaves the others theirs") {
    std::vector<FastPathEndpoint> endpoints = {a_pod(1), a_pod(2), a_pod(3), a_pod(4), a_pod(5)};
    endpoints[0].attached = false;
    endpoints[1].link.veth_into_a_pod = false;
    endpoints[2].link.running = false;
    endpoints[3].others = "a qdisc";
    const FastPath decided = decide_fast_path({}, endpoints);
    CHECK(decided.gates == std::map<uint32_t, catflap_redirect_gate>{{5, CATFLAP_REDIRECT_TCP_UDP}});
    CHECK(decided.endpoints == 5);
    CHECK(fast_path_of(decided, 1) == "the interface is not attached");
    CHECK(fast_path_of(decided, 2) == "the interface is no veth whose other end is in another network namespace");
    CHECK(fast_path_of(decided, 3) == "the interface, or its other end, is down");
    CHECK(fast_path_of(decided, 4) == "a qdisc");
}

TEST_CASE("only endpoints of one MTU hand packets to each other: of that which most have, else of the smallest") {
    FastPath decided = decide_fast_path({}, {a_pod(1, 9000), a_pod(2), a_pod(3)});
    CHECK(fast_path_of(decided, 1) == "the interface's MTU is 9000, and that of most pods here is 1500");
    CHECK(decided.gates.size() == 2);
    decided = decide_fast_path({}, {a_pod(1, 9000), a_pod(2, 9000), a_pod(3)});
    CHECK(fast_path_of(decided, 3) == "the interface's MTU is 1500, and that of most pods here is 9000");
    decided = decide_fast_path({}, {a_pod(1, 9000), a_pod(2)});
    CHECK(decided.gates == std::map<uint32_t, catflap_redirect_gate>{{2, CATFLAP_REDIRECT_TCP_UDP}});
}

TEST_CASE("uplinks: both ways with the pods' MTU, one with another, none where others are") {
    const FastPath decided = decide_fast_path({}, {a_pod(1)},
                                              {{10, "eth0", 1500, ""},
                                               {11, "eth1", 9000, ""},
                                               {12, "eth2", 1400, ""},
                                               {13, "eth3", 1500, "a filter"},
                                               {14, "eth4", 0, ""}});
    const auto ways = [&](uint32_t ifindex) {
        const auto found = decided.uplinks.find(ifindex);
        return found == decided.uplinks.end() ? 0U : found->second.ways;
    };
    CHECK(ways(10) == (CATFLAP_UPLINK_IN | CATFLAP_UPLINK_OUT));
    CHECK(ways(11) == CATFLAP_UPLINK_OUT);
    CHECK(ways(12) == CATFLAP_UPLINK_IN);
    CHECK(ways(13) == 0);
    CHECK(ways(14) == 0);
    CHECK(decided.uplinks.at(10).pod_mtu_bytes == 1500);
    CHECK(catflap::report::words_of(uplink_rows(decided)) ==
          "; other nodes by eth0, eth1 (out only: its MTU is 9000, and that of most pods here is 1500), eth2 (in only: "
          "its MTU is 1400, and that of most pods here is 1500); not by eth3: a filter; not by eth4: its MTU is not "
          "known");
}

TEST_CASE("uplinks: none where the fast path is off, or no pod could take it") {
    CHECK(decide_fast_path({"rules", ""}, {a_pod(1)}, {{10, "eth0", 1500, ""}}).uplinks.empty());
    FastPathEndpoint tap = a_pod(1);
    tap.link.veth_into_a_pod = false;
    const FastPath decided = decide_fast_path({}, {tap}, {{10, "eth0", 1500, ""}});
    CHECK(decided.uplinks.empty());
    CHECK(decided.refused_uplinks.at(10) == "no pod here has a veth into a namespace of its own");
    CHECK(catflap::report::words_of(std::vector<catflap::report::FastPathUplinkRow>{}).empty());
}

TEST_CASE("conntrack's strictness") {
    CHECK(refusal_of_liberal("1").empty());
    CHECK(refusal_of_liberal("0") == "net.netfilter.nf_conntrack_tcp_be_liberal is 0");
    CHECK(refusal_of_liberal("") == "net.netfilter.nf_conntrack_tcp_be_liberal cannot be read");
}
