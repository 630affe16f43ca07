// SPDX-License-Identifier: Apache-2.0
// A connection as nf_conntrack has it, and what its ends on this node see of it.
#pragma once

#include <catflap/abi.h>

#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "compile/plan/loaded.h"

namespace catflap::kernel {

struct Connection {
    uint8_t protocol = 0;
    uint8_t state = CATFLAP_FLOW_OPENING;
    // Of the original direction, in which it was opened: before address translation.
    Address client;
    Address destination;
    uint16_t client_port = 0;
    uint16_t destination_port = 0;
    // Of the reply direction: behind a Service, and as masqueraded.
    Address server;
    Address peer;
    uint16_t server_port = 0;
    uint16_t peer_port = 0;
    uint32_t expires_in_s = 0;
};

// The state of a flow that is in this state of nf_conntrack, enum tcp_conntrack.
uint8_t state_of_tcp(uint8_t tcp_conntrack);

struct ConnectionEnd {
    const compile::LoadedEndpoint* endpoint = nullptr;
    uint8_t opener = CATFLAP_OPENER_FROM_POD;
    uint32_t sender_ifindex = CATFLAP_SENDER_UNKNOWN;  // of the endpoint here that opened it to this one
    Address remote;                                    // as seen on the endpoint's veth
    uint16_t local_port = 0;
    uint16_t remote_port = 0;
    // By which the policies of the direction in which it was opened judge it, see bpf/opened.h: of a connection of the
    // pod the backend that it was given to, of a connection to the pod the sender before masquerading, if that is here.
    Address judged;
    uint16_t judged_port = 0;

    [[nodiscard]] catflap_flow_key key(uint8_t protocol) const;
};

// In this network namespace. Empty where they cannot be read.
std::set<Address> node_addresses();

// Pods' addresses and the node's own, to find the ends of connections by.
class LocalEnds {
  public:
    LocalEnds(const std::map<uint32_t, compile::LoadedEndpoint>& endpoints, const std::set<Address>& node);
    // Each end sees its own addresses: the client those of the original direction, the server those of the reply.
    [[nodiscard]] std::vector<ConnectionEnd> of(const Connection& connection) const;

  private:
    [[nodiscard]] const compile::LoadedEndpoint* at(const Address& address) const;

    std::unordered_map<Address, const compile::LoadedEndpoint*> endpoints_;
    const std::set<Address>& node_;
};

}  // namespace catflap::kernel
