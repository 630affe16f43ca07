// SPDX-License-Identifier: Apache-2.0
#include "links/link_table.h"

namespace catflap::links {
namespace {

constexpr std::string_view kIpvsInterface = "kube-ipvs0";

bool is_loopback(const Address& address) {
    static const Address kLoopback = parse_address("::1").value();
    return address.is_ipv4() ? address.bytes[12] == 127 : address == kLoopback;
}

template <typename Key>
void drop(std::map<Key, std::set<uint32_t>>& of, uint32_t ifindex) {
    for (auto entry = of.begin(); entry != of.end();) {
        entry->second.erase(ifindex);
        entry = entry->second.empty() ? of.erase(entry) : std::next(entry);
    }
}

}  // namespace

void LinkTable::link_seen(uint32_t ifindex, std::string_view name, bool up, uint32_t group) {
    if (name == kIpvsInterface) {
        ipvs_ifindex_ = ifindex;
        drop_addresses(ifindex);
    }
    if (prefixes_.match(name)) {
        renamed_.erase(ifindex);
    } else if (names_.contains(ifindex) || renamed_.contains(ifindex) || watched_groups_.contains(group)) {
        renamed_.insert(ifindex);
    } else {
        groups_.erase(ifindex);
        others_.insert(ifindex);
        return;
    }
    groups_[ifindex] = group;
    // A new interface has no routes yet, and those that it gets are announced after it. One that
    // had another name so far may have got some which were passed over.
    if (others_.erase(ifindex) != 0)
        misses_routes_ = true;
    names_[ifindex] = name;
    // IPv4 routes go silently with an interface that is set down (fib_sync_down_dev), and IPv6 ones
    // where net.ipv6.route.skip_notify_on_dev_down is set. None can be added until it is up again.
    if (!up)
        drop_routes(ifindex);
}

void LinkTable::facts_seen(uint32_t ifindex, const LinkFacts& facts) {
    if (watches(ifindex))
        facts_[ifindex] = facts;
}

void LinkTable::link_gone(uint32_t ifindex) {
    uplinks_.link_gone(ifindex);
    facts_.erase(ifindex);
    others_.erase(ifindex);
    groups_.erase(ifindex);
    renamed_.erase(ifindex);
    if (names_.erase(ifindex) != 0)
        drop_routes(ifindex);
    drop_addresses(ifindex);
    if (ipvs_ifindex_ == ifindex)
        ipvs_ifindex_ = 0;
}

uint32_t LinkTable::group(uint32_t ifindex) const {
    const auto found = groups_.find(ifindex);
    return found == groups_.end() ? 0 : found->second;
}

LinkFacts LinkTable::facts(uint32_t ifindex) const {
    const auto found = facts_.find(ifindex);
    return found == facts_.end() ? LinkFacts{} : found->second;
}

void LinkTable::route_seen(const RouteKey& key, uint32_t ifindex, bool replaces) {
    if (replaces)
        route_lost(key);
    if (watches(ifindex))
        routes_[key].insert(ifindex);
}

void LinkTable::route_gone(const RouteKey& key, uint32_t ifindex) {
    const auto found = routes_.find(key);
    if (found == routes_.end())
        return;
    found->second.erase(ifindex);
    if (found->second.empty())
        routes_.erase(found);
}

void LinkTable::route_lost(const RouteKey& key) {
    routes_.erase(key);
}

void LinkTable::address_seen(const Address& address, uint32_t ifindex) {
    if (!is_loopback(address) && ifindex != ipvs_ifindex_)
        addresses_[address].insert(ifindex);
}

void LinkTable::address_gone(const Address& address, uint32_t ifindex) {
    const auto found = addresses_.find(address);
    if (found != addresses_.end() && found->second.erase(ifindex) != 0 && found->second.empty())
        addresses_.erase(found);
}

void LinkTable::clear() {
    renamed_.clear();  // an index may be another device's by now: only its group tells
    names_.clear();
    groups_.clear();
    facts_.clear();
    others_.clear();
    routes_.clear();
    addresses_.clear();
    ipvs_ifindex_ = 0;
    uplinks_.clear();
    routes_complete();
}

void LinkTable::routes_complete() {
    misses_routes_ = false;
    uplinks_.routes_complete();
}

std::map<uint32_t, Link> LinkTable::links() const {
    std::map<uint32_t, Link> links;
    for (const auto& [ifindex, name] : names_)
        links.emplace(ifindex, Link{.ifindex = ifindex, .name = name, .host_routes = {}});
    // By key, so by destination: the lists come out sorted, with equal destinations side by side.
    for (const auto& [key, ifindexes] : routes_) {
        for (const uint32_t ifindex : ifindexes) {
            auto& addresses = links.at(ifindex).host_routes;
            if (addresses.empty() || addresses.back() != key.destination)
                addresses.push_back(key.destination);
        }
    }
    return links;
}

std::vector<Address> LinkTable::local_addresses() const {
    std::vector<Address> result;
    result.reserve(addresses_.size());
    for (const auto& [address, ifindexes] : addresses_)
        result.push_back(address);
    return result;
}

std::map<uint32_t, std::string> LinkTable::uplinks() const {
    auto result = uplinks_.uplinks();
    std::erase_if(result, [&](const auto& uplink) { return watches(uplink.first); });
    return result;
}

void LinkTable::drop_routes(uint32_t ifindex) {
    drop(routes_, ifindex);
}

void LinkTable::drop_addresses(uint32_t ifindex) {
    drop(addresses_, ifindex);
}

}  // namespace catflap::links
