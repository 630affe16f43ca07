// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/connections.h"

#include <catflap/flow.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "kernel/maps/address_table.h"

namespace catflap::kernel {

uint8_t state_of_tcp(uint8_t tcp_conntrack) {
    switch (tcp_conntrack) {
        case TCP_CONNTRACK_NONE:
        case TCP_CONNTRACK_SYN_SENT:
        case TCP_CONNTRACK_SYN_SENT2:
            return CATFLAP_FLOW_OPENING;
        case TCP_CONNTRACK_SYN_RECV:
            return CATFLAP_FLOW_REPLIED;
        case TCP_CONNTRACK_ESTABLISHED:
            return CATFLAP_FLOW_ESTABLISHED;
        case TCP_CONNTRACK_CLOSE:
            return CATFLAP_FLOW_CLOSED;
        default:
            return CATFLAP_FLOW_CLOSING;
    }
}

catflap_flow_key ConnectionEnd::key(uint8_t protocol) const {
    catflap_flow_key key{};
    key.remote = kernel_address(remote);
    key.local_port = local_port;
    key.remote_port = remote_port;
    key.slot_protocol = catflap_slot_protocol(endpoint->slot, protocol);
    return key;
}

LocalEnds::LocalEnds(const std::map<uint32_t, compile::LoadedEndpoint>& endpoints, const std::set<Address>& node)
    : node_(node) {
    for (const auto& [ifindex, endpoint] : endpoints)
        for (const Address& address : endpoint.spec.addresses)
            if (endpoint.spec.pod && !address.is_unset())
                endpoints_.emplace(address, &endpoint);
}

const compile::LoadedEndpoint* LocalEnds::at(const Address& address) const {
    const auto found = endpoints_.find(address);
    return found == endpoints_.end() ? nullptr : found->second;
}

std::vector<ConnectionEnd> LocalEnds::of(const Connection& connection) const {
    std::vector<ConnectionEnd> ends;
    const compile::LoadedEndpoint* sender = at(connection.client);
    if (sender != nullptr)
        ends.push_back({.endpoint = sender,
                        .opener = CATFLAP_OPENER_FROM_POD,
                        .remote = connection.destination,
                        .local_port = connection.client_port,
                        .remote_port = connection.destination_port,
                        .judged = connection.server,
                        .judged_port = connection.server_port});
    const compile::LoadedEndpoint* receiver = at(connection.server);
    if (receiver == nullptr)
        return ends;
    // The node's own, unless it only lent its address to somebody (masquerading); and a pod's to itself.
    const bool unpoliced = (node_.contains(connection.client) && connection.peer == connection.client) ||
                           connection.client == connection.server;
    ends.push_back({.endpoint = receiver,
                    .opener = static_cast<uint8_t>(unpoliced ? CATFLAP_OPENER_HOST : CATFLAP_OPENER_TO_POD),
                    .sender_ifindex = sender != nullptr && !unpoliced ? sender->spec.ifindex : CATFLAP_SENDER_UNKNOWN,
                    .remote = connection.peer,
                    .local_port = connection.server_port,
                    .remote_port = connection.peer_port,
                    .judged = sender != nullptr ? connection.client : connection.peer,
                    .judged_port = connection.server_port});
    return ends;
}

}  // namespace catflap::kernel
