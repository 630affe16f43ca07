// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/flows.h"

#include <catflap/flow.h>
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <netinet/in.h>

#include <cstring>
#include <ctime>
#include <memory>
#include <set>
#include <unordered_map>

#include "kernel/maps/map.h"
#include "kernel/maps/map_store.h"

namespace catflap::kernel {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;

using EndpointsByAddress = std::unordered_map<Address, const compile::LoadedEndpoint*>;

Address read_address(const nf_conntrack* entry, nf_conntrack_attr ipv4, nf_conntrack_attr ipv6) {
    Address address;
    if (nfct_get_attr_u8(entry, ATTR_L3PROTO) == AF_INET) {
        address.bytes[10] = address.bytes[11] = 0xff;
        const uint32_t value_be = nfct_get_attr_u32(entry, ipv4);
        std::memcpy(address.bytes.data() + 12, &value_be, sizeof(value_be));
    } else if (const void* value = nfct_get_attr(entry, ipv6)) {
        std::memcpy(address.bytes.data(), value, address.bytes.size());
    }
    return address;
}

uint16_t port(const nf_conntrack* entry, nf_conntrack_attr attribute) {
    return ntohs(nfct_get_attr_u16(entry, attribute));
}

struct Adoption {
    int flows_fd = -1;
    EndpointsByAddress endpoints;
    std::set<Address> node;  // the node's own addresses
    size_t count = 0;
};

uint8_t state_of(const nf_conntrack* entry, uint8_t protocol) {
    if (protocol != IPPROTO_TCP)
        return nfct_get_attr_u32(entry, ATTR_STATUS) & IPS_SEEN_REPLY ? CATFLAP_FLOW_ESTABLISHED : CATFLAP_FLOW_OPENING;
    switch (nfct_get_attr_u8(entry, ATTR_TCP_STATE)) {
        case TCP_CONNTRACK_SYN_SENT:
            return CATFLAP_FLOW_OPENING;
        case TCP_CONNTRACK_SYN_RECV:
            return CATFLAP_FLOW_REPLIED;
        case TCP_CONNTRACK_ESTABLISHED:
            return CATFLAP_FLOW_ESTABLISHED;
        default:
            return CATFLAP_FLOW_CLOSING;
    }
}

void insert(Adoption& adoption, const nf_conntrack* entry, const compile::LoadedEndpoint& endpoint, uint8_t opener,
            uint32_t sender_ifindex, const Address& remote, uint16_t local_port, uint16_t remote_port) {
    const uint8_t protocol = nfct_get_attr_u8(entry, ATTR_L4PROTO);
    catflap_flow_key key{};
    key.remote = kernel_address(remote);
    key.local_port = local_port;
    key.remote_port = remote_port;
    key.slot_protocol = catflap_slot_protocol(endpoint.slot, protocol);
    catflap_flow flow{};
    flow.last_seen_ns = flow_clock_ns();
    flow.generation = endpoint.first_generation;  // never judged
    flow.opener = opener;
    flow.sender_ifindex = sender_ifindex;
    flow.state = state_of(entry, protocol);
    if (bpf_map_update_elem(adoption.flows_fd, &key, &flow, BPF_NOEXIST) == 0)
        ++adoption.count;
}

// Each end sees its own addresses: the client those of the original direction, the server those of the reply.
void adopt_entry(Adoption& adoption, const nf_conntrack* entry) {
    const uint8_t protocol = nfct_get_attr_u8(entry, ATTR_L4PROTO);
    const bool has_ports = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
    const Address client = read_address(entry, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC);
    const Address server = read_address(entry, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC);
    const Address peer = read_address(entry, ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST);
    const auto ports = [&](nf_conntrack_attr attribute) { return has_ports ? port(entry, attribute) : uint16_t{0}; };
    const auto sender = adoption.endpoints.find(client);
    const bool from_pod = sender != adoption.endpoints.end();
    if (from_pod)
        insert(adoption, entry, *sender->second, CATFLAP_OPENER_FROM_POD, 0,
               read_address(entry, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST), ports(ATTR_ORIG_PORT_SRC),
               ports(ATTR_ORIG_PORT_DST));
    const auto found = adoption.endpoints.find(server);
    if (found == adoption.endpoints.end())
        return;
    // The node's own, unless it only lent its address to somebody (masquerading); and a pod's to itself.
    const bool unpoliced = (adoption.node.contains(client) && peer == client) || client == server;
    insert(adoption, entry, *found->second, unpoliced ? CATFLAP_OPENER_HOST : CATFLAP_OPENER_TO_POD,
           from_pod && !unpoliced ? sender->second->spec.ifindex : CATFLAP_SENDER_UNKNOWN, peer,
           ports(ATTR_REPL_PORT_SRC), ports(ATTR_REPL_PORT_DST));
}

std::set<Address> node_addresses() {
    std::set<Address> result;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0)
        return result;
    for (const ifaddrs* one = list; one; one = one->ifa_next) {
        Address address;
        if (one->ifa_addr && one->ifa_addr->sa_family == AF_INET) {
            address.bytes[10] = address.bytes[11] = 0xff;
            std::memcpy(address.bytes.data() + 12, &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr, 4);
        } else if (one->ifa_addr && one->ifa_addr->sa_family == AF_INET6) {
            std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr, 16);
        } else {
            continue;
        }
        result.insert(address);
    }
    freeifaddrs(list);
    return result;
}

int on_entry(nf_conntrack_msg_type, nf_conntrack* entry, void* data) {
    adopt_entry(*static_cast<Adoption*>(data), entry);
    return NFCT_CB_CONTINUE;
}

}  // namespace

uint64_t flow_clock_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<uint64_t>(now.tv_sec) * kSecondNs + static_cast<uint64_t>(now.tv_nsec);
}

// By thousands: one by one, a full map would keep the agent for half a second.
void for_each_flow(int flows_fd, const std::function<bool(const catflap_flow_key&, const catflap_flow&)>& visit) {
    uint32_t room = 4096;
    std::vector<catflap_flow_key> keys;
    std::vector<catflap_flow> flows;
    uint32_t place = 0;
    for (bool begun = false, more = true; more;) {
        keys.resize(room);
        flows.resize(room);
        uint32_t next = 0;
        uint32_t count = room;
        const int error =
            bpf_map_lookup_batch(flows_fd, begun ? &place : nullptr, &next, keys.data(), flows.data(), &count, nullptr);
        if (error == -ENOSPC) {  // a bucket with more than there is room for
            room *= 2;
            continue;
        }
        more = error == 0;
        if (error != 0 && error != -ENOENT)  // ENOENT: these are the last
            return;
        for (uint32_t i = 0; i < count; ++i)
            if (!visit(keys[i], flows[i]))
                return;
        place = next;
        begun = true;
    }
}

void wake_conntrack() {
    const std::unique_ptr<nfct_handle, int (*)(nfct_handle*)> handle(nfct_open(CONNTRACK, 0), nfct_close);
    const std::unique_ptr<nf_conntrack, void (*)(nf_conntrack*)> nobody(nfct_new(), nfct_destroy);
    if (!handle || !nobody)
        return;
    nfct_set_attr_u8(nobody.get(), ATTR_L3PROTO, AF_INET);
    nfct_set_attr_u8(nobody.get(), ATTR_L4PROTO, IPPROTO_UDP);
    nfct_query(handle.get(), NFCT_Q_GET, nobody.get());
}

Result<size_t> adopt_conntrack(int flows_fd, const std::map<uint32_t, compile::LoadedEndpoint>& endpoints) {
    Adoption adoption;
    adoption.flows_fd = flows_fd;
    adoption.node = node_addresses();
    for (const auto& [ifindex, endpoint] : endpoints)
        for (const Address& address : endpoint.spec.addresses)
            if (endpoint.spec.pod && !address.is_unset())
                adoption.endpoints.emplace(address, &endpoint);
    const std::unique_ptr<nfct_handle, int (*)(nfct_handle*)> handle(nfct_open(CONNTRACK, 0), nfct_close);
    if (!handle)
        return size_t{0};
    nfct_callback_register(handle.get(), NFCT_T_ALL, on_entry, &adoption);
    const uint32_t family = AF_UNSPEC;
    if (nfct_query(handle.get(), NFCT_Q_DUMP, &family) != 0 && errno != ENOENT && errno != EOPNOTSUPP)
        return fail_errno(errno, "read the connections of nf_conntrack");
    return adoption.count;
}

}  // namespace catflap::kernel
