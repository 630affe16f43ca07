// SPDX-License-Identifier: Apache-2.0
// What the messages about links and routes add up to. Pure: no socket.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>

#include "links/link_watcher.h"
#include "links/uplink_table.h"

namespace catflap::links {

// What makes one route of the main table another than the next to the same destination.
struct RouteKey {
    Address destination;
    uint32_t priority = 0;
    uint8_t tos = 0;

    auto operator<=>(const RouteKey&) const = default;
};

class LinkTable {
  public:
    explicit LinkTable(InterfacePrefixes prefixes, std::set<uint32_t> groups = {})
        : prefixes_(std::move(prefixes)), watched_groups_(std::move(groups)) {}

    void link_seen(uint32_t ifindex, std::string_view name, bool up, uint32_t group);
    // Of one that is watched; anything else is passed over.
    void facts_seen(uint32_t ifindex, const LinkFacts& facts);
    void link_gone(uint32_t ifindex);
    // `replaces`: whatever had this key, through whatever interface, is not there any more.
    void route_seen(const RouteKey& key, uint32_t ifindex, bool replaces);
    void route_gone(const RouteKey& key, uint32_t ifindex);
    // The key leads elsewhere now: to a gateway, a blackhole, several hops.
    void route_lost(const RouteKey& key);
    // A route of the table local: the node itself takes what is sent there.
    void address_seen(const Address& address, uint32_t ifindex);
    void address_gone(const Address& address, uint32_t ifindex);
    // Told of all interfaces but those that go, and of routes to gateways.
    UplinkTable& uplink_table() { return uplinks_; }
    [[nodiscard]] const UplinkTable& uplink_table() const { return uplinks_; }

    [[nodiscard]] bool watches(uint32_t ifindex) const { return names_.contains(ifindex); }
    // The device group of a watched interface (ip link: group); of any other 0.
    [[nodiscard]] uint32_t group(uint32_t ifindex) const;
    [[nodiscard]] LinkFacts facts(uint32_t ifindex) const;
    // True when an interface was renamed into the watched ones: its routes passed by unseen.
    [[nodiscard]] bool misses_routes() const { return misses_routes_ || uplinks_.misses_routes(); }
    void routes_complete();
    void clear();
    [[nodiscard]] std::map<uint32_t, Link> links() const;
    [[nodiscard]] std::vector<Address> local_addresses() const;
    // Names by ifindex; without those that are watched.
    [[nodiscard]] std::map<uint32_t, std::string> uplinks() const;

  private:
    void drop_routes(uint32_t ifindex);
    void drop_addresses(uint32_t ifindex);

    InterfacePrefixes prefixes_;
    std::set<uint32_t> watched_groups_;
    std::set<uint32_t> renamed_;             // watched, under another name
    std::map<uint32_t, std::string> names_;  // of the watched ones
    std::map<uint32_t, uint32_t> groups_;    // likewise
    std::map<uint32_t, LinkFacts> facts_;    // likewise
    std::unordered_set<uint32_t> others_;    // every other interface
    std::map<RouteKey, std::set<uint32_t>> routes_;
    std::map<Address, std::set<uint32_t>> addresses_;
    uint32_t ipvs_ifindex_ = 0;  // kube-proxy's, which has the addresses of all Services; 0: none
    bool misses_routes_ = false;
    UplinkTable uplinks_;
};

}  // namespace catflap::links
