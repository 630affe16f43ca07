// SPDX-License-Identifier: Apache-2.0
// Which ends on this node a connection of nf_conntrack has, and what each of them sees of it.
#include <doctest/doctest.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>

#include "kernel/datapath/connections.h"

using namespace catflap;
using namespace catflap::kernel;

namespace {

Address address(const char* text) {
    return parse_address(text).value();
}

const std::set<Address> kNode = {address("10.9.0.1"), address("fd09::1")};

std::map<uint32_t, compile::LoadedEndpoint> pods() {
    std::map<uint32_t, compile::LoadedEndpoint> result;
    for (const auto& [ifindex, ipv4, ipv6] :
         {std::tuple(5U, "10.1.0.1", "fd01::1"), std::tuple(6U, "10.1.0.2", "fd01::2")}) {
        compile::LoadedEndpoint& pod = result[ifindex];
        pod.spec = {.ifindex = ifindex,
                    .interface = "cali" + std::to_string(ifindex),
                    .pod = ObjectName{"shop", "pod" + std::to_string(ifindex)},
                    .uid = {},
                    .addresses = {address(ipv4), address(ipv6)}};
        pod.slot = ifindex * 10;
    }
    result[7].spec.ifindex = 7;  // without a pod
    result[7].spec.addresses[0] = address("10.1.0.3");
    return result;
}

// As without any translation.
Connection tcp(const char* client, const char* server) {
    Connection connection;
    connection.protocol = IPPROTO_TCP;
    connection.client = connection.peer = address(client);
    connection.server = connection.destination = address(server);
    connection.client_port = connection.peer_port = 40000;
    connection.server_port = connection.destination_port = 80;
    return connection;
}

struct Local {
    std::map<uint32_t, compile::LoadedEndpoint> endpoints = pods();
    LocalEnds ends{endpoints, kNode};
};

void check_end(const ConnectionEnd& end, uint32_t ifindex, uint8_t opener, const char* remote, uint16_t local_port,
               uint16_t remote_port) {
    CHECK(end.endpoint->spec.ifindex == ifindex);
    CHECK(end.opener == opener);
    CHECK(to_string(end.remote) == remote);
    CHECK(end.local_port == local_port);
    CHECK(end.remote_port == remote_port);
}

}  // namespace

TEST_CASE("between two pods of this node: an end at each, and the server's knows the client's interface") {
    const Local node;
    for (const auto& [client, server] : {std::pair("10.1.0.1", "10.1.0.2"), std::pair("fd01::1", "fd01::2")}) {
        const auto ends = node.ends.of(tcp(client, server));
        REQUIRE(ends.size() == 2);
        check_end(ends[0], 5, CATFLAP_OPENER_FROM_POD, server, 40000, 80);
        CHECK(ends[0].sender_ifindex == CATFLAP_SENDER_UNKNOWN);
        check_end(ends[1], 6, CATFLAP_OPENER_TO_POD, client, 80, 40000);
        CHECK(ends[1].sender_ifindex == 5);
    }
}

TEST_CASE("from elsewhere, to elsewhere, and of nobody here") {
    const Local node;
    auto ends = node.ends.of(tcp("192.0.2.1", "10.1.0.2"));
    REQUIRE(ends.size() == 1);
    check_end(ends[0], 6, CATFLAP_OPENER_TO_POD, "192.0.2.1", 80, 40000);
    CHECK(ends[0].sender_ifindex == CATFLAP_SENDER_UNKNOWN);
    CHECK(ends[0].judged == address("192.0.2.1"));
    ends = node.ends.of(tcp("10.1.0.1", "192.0.2.1"));
    REQUIRE(ends.size() == 1);
    check_end(ends[0], 5, CATFLAP_OPENER_FROM_POD, "192.0.2.1", 40000, 80);
    CHECK(node.ends.of(tcp("192.0.2.1", "10.9.0.1")).empty());
    CHECK(node.ends.of(tcp("192.0.2.1", "10.1.0.3")).empty());
}

TEST_CASE("through a Service: the client sees its address, the server the client's; judged is the backend") {
    const Local node;
    Connection connection = tcp("10.1.0.1", "10.1.0.2");
    connection.destination = address("10.96.0.10");
    connection.destination_port = 443;
    const auto ends = node.ends.of(connection);
    REQUIRE(ends.size() == 2);
    check_end(ends[0], 5, CATFLAP_OPENER_FROM_POD, "10.96.0.10", 40000, 443);
    CHECK(ends[0].judged == address("10.1.0.2"));
    CHECK(ends[0].judged_port == 80);
    check_end(ends[1], 6, CATFLAP_OPENER_TO_POD, "10.1.0.1", 80, 40000);
}

TEST_CASE("masqueraded: the server sees the node's address, and is judged by the pod that sent") {
    const Local node;
    Connection connection = tcp("10.1.0.1", "10.1.0.2");
    connection.peer = address("10.9.0.1");
    connection.peer_port = 61000;
    const auto ends = node.ends.of(connection);
    REQUIRE(ends.size() == 2);
    check_end(ends[1], 6, CATFLAP_OPENER_TO_POD, "10.9.0.1", 80, 61000);
    CHECK(ends[1].sender_ifindex == 5);
    CHECK(ends[1].judged == address("10.1.0.1"));
}

TEST_CASE("the node's own, and a pod's to itself, are policed by nobody") {
    const Local node;
    auto ends = node.ends.of(tcp("10.9.0.1", "10.1.0.2"));
    REQUIRE(ends.size() == 1);
    check_end(ends[0], 6, CATFLAP_OPENER_HOST, "10.9.0.1", 80, 40000);
    // Somebody's who is masqueraded by another address than the client's: forwarded, so policed.
    Connection lent = tcp("10.9.0.1", "10.1.0.2");
    lent.peer = address("10.9.0.2");
    ends = node.ends.of(lent);
    REQUIRE(ends.size() == 1);
    CHECK(ends[0].opener == CATFLAP_OPENER_TO_POD);
    Connection itself = tcp("10.1.0.1", "10.1.0.1");
    itself.destination = address("10.96.0.10");
    ends = node.ends.of(itself);
    REQUIRE(ends.size() == 2);
    CHECK(ends[0].opener == CATFLAP_OPENER_FROM_POD);
    CHECK(ends[1].opener == CATFLAP_OPENER_HOST);
    CHECK(ends[1].sender_ifindex == CATFLAP_SENDER_UNKNOWN);
}

TEST_CASE("an end's key is that of its flow") {
    const Local node;
    const auto ends = node.ends.of(tcp("10.1.0.1", "10.1.0.2"));
    const catflap_flow_key key = ends.at(1).key(IPPROTO_TCP);
    CHECK(key.slot_protocol == (60 << 8 | IPPROTO_TCP));
    CHECK(key.local_port == 80);
    CHECK(key.remote_port == 40000);
}

TEST_CASE("states of TCP") {
    CHECK(state_of_tcp(TCP_CONNTRACK_NONE) == CATFLAP_FLOW_OPENING);
    CHECK(state_of_tcp(TCP_CONNTRACK_SYN_SENT) == CATFLAP_FLOW_OPENING);
    CHECK(state_of_tcp(TCP_CONNTRACK_SYN_SENT2) == CATFLAP_FLOW_OPENING);
    CHECK(state_of_tcp(TCP_CONNTRACK_SYN_RECV) == CATFLAP_FLOW_REPLIED);
    CHECK(state_of_tcp(TCP_CONNTRACK_ESTABLISHED) == CATFLAP_FLOW_ESTABLISHED);
    for (const int state :
         {TCP_CONNTRACK_FIN_WAIT, TCP_CONNTRACK_CLOSE_WAIT, TCP_CONNTRACK_LAST_ACK, TCP_CONNTRACK_TIME_WAIT})
        CHECK(state_of_tcp(static_cast<uint8_t>(state)) == CATFLAP_FLOW_CLOSING);
    CHECK(state_of_tcp(TCP_CONNTRACK_CLOSE) == CATFLAP_FLOW_CLOSED);
}
