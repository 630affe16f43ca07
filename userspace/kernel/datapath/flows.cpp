// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/flows.h"

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <netinet/in.h>

#include <ctime>
#include <memory>

#include "kernel/datapath/connection_dump.h"
#include "kernel/maps/map.h"

namespace catflap::kernel {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;

// Judged when its next packet comes.
bool insert(int flows_fd, const Connection& connection, const ConnectionEnd& end) {
    const catflap_flow_key key = end.key(connection.protocol);
    catflap_flow flow{};
    flow.last_seen_ns = flow_clock_ns();
    flow.generation = end.endpoint->first_generation;  // never judged
    flow.opener = end.opener;
    flow.sender_ifindex = end.sender_ifindex;
    flow.state = connection.state;
    return bpf_map_update_elem(flows_fd, &key, &flow, BPF_NOEXIST) == 0;
}

// Where nf_conntrack is the flow table of TCP and UDP (bpf/tracked.h), only the node's own connections have flows.
bool needs_flow(const Connection& connection, const ConnectionEnd& end, bool tracked) {
    return !tracked || end.opener == CATFLAP_OPENER_HOST ||
           (connection.protocol != IPPROTO_TCP && connection.protocol != IPPROTO_UDP);
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

std::optional<catflap_flow> find_flow(int flows_fd, const catflap_flow_key& key) {
    catflap_flow flow{};
    if (bpf_map_lookup_elem(flows_fd, &key, &flow) != 0)
        return std::nullopt;
    return flow;
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

Result<size_t> adopt_conntrack(int flows_fd, const std::map<uint32_t, compile::LoadedEndpoint>& endpoints,
                               bool tracked) {
    auto dump = ConnectionDump::begin();
    if (!dump)
        return size_t{0};
    const std::set<Address> node = node_addresses();
    const LocalEnds ends(endpoints, node);
    size_t count = 0;
    for (std::vector<Connection> found; !dump->over(); found.clear()) {
        if (auto done = dump->step(found); !done)
            return tl::unexpected(done.error());
        for (const Connection& connection : found)
            for (const ConnectionEnd& end : ends.of(connection))
                count += needs_flow(connection, end, tracked) && insert(flows_fd, connection, end);
    }
    return count;
}

}  // namespace catflap::kernel
