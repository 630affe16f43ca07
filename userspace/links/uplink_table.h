// SPDX-License-Identifier: Apache-2.0
// Uplinks: interfaces by which packets of other nodes come in. Up, with Ethernet frames, and a unicast route of the
// main table leads through them to a gateway: the default route, or a route to other nodes' pods (those of VXLAN have
// gateways, too). Whose interfaces are pods' is not known here. Pure: no socket.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/address.h"

namespace catflap::links {

// What makes one route of the main table another than the next; a destination of IPv4 has 96 bits more.
struct GatewayRoute {
    Address destination;
    uint8_t prefix_bits = 0;
    uint8_t tos = 0;
    uint32_t priority = 0;

    auto operator<=>(const GatewayRoute&) const = default;
};

struct Hop {
    uint32_t ifindex = 0;
    Address gateway;

    auto operator<=>(const Hop&) const = default;
};

// A node may have 100,000 such routes, and any of an interface's proves that it is an uplink: a few of each are kept,
// and when these have gone, the rest is read again. A route that the kernel removes without a word, as before 6.6
// together with its source address, may keep an uplink for longer: that costs some cycles, and drops nothing that the
// pod's own interface would let pass.
class UplinkTable {
  public:
    static constexpr size_t kKept = 16;  // routes of an interface

    void link_seen(uint32_t ifindex, std::string_view name, bool up, bool ethernet);
    void mtu_seen(uint32_t ifindex, uint32_t mtu_bytes) { mtus_[ifindex] = mtu_bytes; }
    void link_gone(uint32_t ifindex);
    // `replaces`: whatever had this key is not there any more. Without hops: it leads to no gateway.
    void route_seen(const GatewayRoute& route, const std::vector<Hop>& hops, bool replaces);
    void route_gone(const GatewayRoute& route, const std::vector<Hop>& hops);

    // True when those that were kept of an interface have gone, and there were more.
    [[nodiscard]] bool misses_routes() const { return misses_routes_; }
    void routes_complete() { misses_routes_ = false; }
    void clear() { *this = UplinkTable(); }
    // Names by ifindex.
    [[nodiscard]] std::map<uint32_t, std::string> uplinks() const;
    // 0: not known.
    [[nodiscard]] uint32_t mtu_bytes(uint32_t ifindex) const;

  private:
    struct Routes {
        size_t kept = 0;
        bool more = false;
    };
    using Hops = std::map<GatewayRoute, std::set<Hop>>;

    void forget(uint32_t ifindex);
    void release(uint32_t ifindex);

    std::map<uint32_t, std::string> names_;  // of what is up, with Ethernet frames
    std::map<uint32_t, uint32_t> mtus_;      // in bytes; of every interface
    Hops hops_;
    std::map<uint32_t, Routes> routes_;  // by interface
    bool misses_routes_ = false;
};

}  // namespace catflap::links
