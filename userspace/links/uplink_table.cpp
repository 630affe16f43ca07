// SPDX-License-Identifier: Apache-2.0
#include "links/uplink_table.h"

namespace catflap::links {

// IPv4 routes go silently with an interface that is set down. None can be added until it is up again.
void UplinkTable::link_seen(uint32_t ifindex, std::string_view name, bool up, bool ethernet) {
    if (!up)
        forget(ifindex);
    if (up && ethernet)
        names_[ifindex] = name;
    else
        names_.erase(ifindex);
}

void UplinkTable::link_gone(uint32_t ifindex) {
    names_.erase(ifindex);
    mtus_.erase(ifindex);
    forget(ifindex);
}

void UplinkTable::route_seen(const GatewayRoute& route, const std::vector<Hop>& hops, bool replaces) {
    // What the new one leads through again stays known meanwhile, or the change of one route would be a reason to read
    // all.
    const auto found = replaces ? hops_.find(route) : hops_.end();
    const std::set<Hop> before = found != hops_.end() ? std::move(found->second) : std::set<Hop>();
    if (found != hops_.end())
        hops_.erase(found);
    for (const Hop& hop : hops) {
        Routes& of = routes_[hop.ifindex];
        if (of.kept >= kKept)
            of.more = true;
        else if (hops_[route].insert(hop).second)
            ++of.kept;
    }
    for (const Hop& hop : before)
        release(hop.ifindex);
}

void UplinkTable::route_gone(const GatewayRoute& route, const std::vector<Hop>& hops) {
    const auto found = hops_.find(route);
    if (found == hops_.end())
        return;
    for (const Hop& hop : hops)
        if (found->second.erase(hop) != 0)
            release(hop.ifindex);
    if (found->second.empty())
        hops_.erase(found);
}

std::map<uint32_t, std::string> UplinkTable::uplinks() const {
    std::map<uint32_t, std::string> result;
    for (const auto& [ifindex, name] : names_)
        if (routes_.contains(ifindex))
            result.emplace(ifindex, name);
    return result;
}

uint32_t UplinkTable::mtu_bytes(uint32_t ifindex) const {
    const auto mtu = mtus_.find(ifindex);
    return mtu == mtus_.end() ? 0 : mtu->second;
}

void UplinkTable::release(uint32_t ifindex) {
    const auto of = routes_.find(ifindex);
    if (of == routes_.end() || --of->second.kept != 0)
        return;
    misses_routes_ |= of->second.more;
    routes_.erase(of);
}

void UplinkTable::forget(uint32_t ifindex) {
    if (routes_.erase(ifindex) == 0)
        return;
    for (auto route = hops_.begin(); route != hops_.end();) {
        std::erase_if(route->second, [&](const Hop& hop) { return hop.ifindex == ifindex; });
        route = route->second.empty() ? hops_.erase(route) : std::next(route);
    }
}

}  // namespace catflap::links
