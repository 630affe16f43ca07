// SPDX-License-Identifier: Apache-2.0
#include "links/link_messages.h"

// clang-format off: the kernel's headers want the socket types first
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
// clang-format on
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace catflap::links {
namespace {

Address address_of(const void* bytes, size_t length) {
    Address address;
    if (length == 4)
        address.bytes[10] = address.bytes[11] = 0xff;
    std::copy_n(static_cast<const uint8_t*>(bytes), length, address.bytes.end() - static_cast<std::ptrdiff_t>(length));
    return address;
}

std::optional<Address> read_address(const rtmsg& route, nlattr* attribute) {
    const size_t length = route.rtm_family == AF_INET ? 4 : 16;
    if (attribute == nullptr || static_cast<size_t>(nla_len(attribute)) != length)
        return std::nullopt;
    return address_of(nla_data(attribute), length);
}

// An IPv4 route may have a gateway of IPv6 (RTA_VIA).
std::optional<Address> read_gateway(const rtmsg& route, nlattr* gateway, nlattr* via) {
    if (gateway != nullptr)
        return read_address(route, gateway);
    constexpr int kIpv6Bytes = 16;
    if (via == nullptr || nla_len(via) < static_cast<int>(sizeof(rtvia)) + kIpv6Bytes)
        return std::nullopt;
    return address_of(static_cast<const rtvia*>(nla_data(via))->rtvia_addr, kIpv6Bytes);
}

// Of a route by several, too. One by a nexthop object has them unless net.ipv4.nexthop_compat_mode is 0.
std::vector<Hop> hops_of(const rtmsg& route, const std::array<nlattr*, RTA_MAX + 1>& attributes) {
    std::vector<Hop> hops;
    if (route.rtm_type != RTN_UNICAST)
        return hops;
    const auto gateway = read_gateway(route, attributes[RTA_GATEWAY], attributes[RTA_VIA]);
    if (gateway && attributes[RTA_OIF] != nullptr)
        hops.push_back({nla_get_u32(attributes[RTA_OIF]), *gateway});
    if (attributes[RTA_MULTIPATH] == nullptr)
        return hops;
    auto* hop = static_cast<rtnexthop*>(nla_data(attributes[RTA_MULTIPATH]));
    auto left = static_cast<size_t>(nla_len(attributes[RTA_MULTIPATH]));
    for (; left >= sizeof(rtnexthop) && hop->rtnh_len >= sizeof(rtnexthop) && hop->rtnh_len <= left;
         left -= std::min<size_t>(left, RTNH_ALIGN(hop->rtnh_len)), hop = RTNH_NEXT(hop)) {
        auto* first = static_cast<nlattr*>(static_cast<void*>(RTNH_DATA(hop)));
        const int length = hop->rtnh_len - static_cast<int>(RTNH_LENGTH(0));
        const auto to = read_gateway(route, nla_find(first, length, RTA_GATEWAY), nla_find(first, length, RTA_VIA));
        if (to)
            hops.push_back({static_cast<uint32_t>(hop->rtnh_ifindex), *to});
    }
    return hops;
}

// "podIP dev caliX scope link". Azure CNI writes it without the scope, and IPv6 has none (the kernel reports universe).
bool leads_to_a_host(const rtmsg& route, const std::array<nlattr*, RTA_MAX + 1>& attributes) {
    return route.rtm_type == RTN_UNICAST && attributes[RTA_OIF] != nullptr && attributes[RTA_GATEWAY] == nullptr &&
           attributes[RTA_VIA] == nullptr;
}

// IFLA_LINK_NETNSID is there only where the other end is in another network namespace than this one.
LinkFacts facts_of(const ifinfomsg& link, const std::array<nlattr*, IFLA_MAX + 1>& attributes) {
    std::array<nlattr*, IFLA_INFO_MAX + 1> info{};
    const bool veth = attributes[IFLA_LINKINFO] != nullptr &&
                      nla_parse_nested(info.data(), IFLA_INFO_MAX, attributes[IFLA_LINKINFO], nullptr) >= 0 &&
                      info[IFLA_INFO_KIND] != nullptr &&
                      std::string_view(nla_get_string(info[IFLA_INFO_KIND])) == "veth";
    constexpr unsigned kRunning = IFF_UP | IFF_LOWER_UP;  // a veth has a carrier while both ends are up
    return {.veth_into_a_pod = veth && attributes[IFLA_LINK_NETNSID] != nullptr,
            .running = (link.ifi_flags & kRunning) == kRunning,
            .mtu = attributes[IFLA_MTU] != nullptr ? nla_get_u32(attributes[IFLA_MTU]) : 0};
}

bool take_link(nlmsghdr* header, LinkTable& table) {
    std::array<nlattr*, IFLA_MAX + 1> attributes{};
    if (nlmsg_parse(header, sizeof(ifinfomsg), attributes.data(), IFLA_MAX, nullptr) < 0)
        return false;
    const auto& link = *static_cast<const ifinfomsg*>(nlmsg_data(header));
    // A bridge reports its ports under AF_BRIDGE: a port that leaves it is no interface that goes.
    if (link.ifi_family != AF_UNSPEC)
        return false;
    const auto ifindex = static_cast<uint32_t>(link.ifi_index);
    const bool watched = table.watches(ifindex);
    const bool up = (link.ifi_flags & IFF_UP) != 0;
    if (header->nlmsg_type == RTM_DELLINK) {
        table.link_gone(ifindex);
    } else if (attributes[IFLA_IFNAME] != nullptr) {
        table.link_seen(ifindex, nla_get_string(attributes[IFLA_IFNAME]), up,
                        attributes[IFLA_GROUP] != nullptr ? nla_get_u32(attributes[IFLA_GROUP]) : 0);
        table.uplink_table().link_seen(ifindex, nla_get_string(attributes[IFLA_IFNAME]), up,
                                       link.ifi_type == ARPHRD_ETHER);
        const LinkFacts facts = facts_of(link, attributes);
        table.facts_seen(ifindex, facts);
        table.uplink_table().mtu_seen(ifindex, facts.mtu);
    }
    return watched || table.watches(ifindex);
}

// The kernel keeps one for each address of the node; in iptables' words: of addrtype LOCAL.
bool take_local(uint16_t type, const rtmsg& route, const std::array<nlattr*, RTA_MAX + 1>& attributes,
                LinkTable& table) {
    const auto address = read_address(route, attributes[RTA_DST]);
    if (route.rtm_type != RTN_LOCAL || !address || attributes[RTA_OIF] == nullptr)
        return false;
    const uint32_t ifindex = nla_get_u32(attributes[RTA_OIF]);
    if (type == RTM_NEWROUTE)
        table.address_seen(*address, ifindex);
    else
        table.address_gone(*address, ifindex);
    return true;
}

// Of the main table. A blackhole, and what leads to hosts directly, has no hops.
void take_gateway_route(const nlmsghdr& header, const rtmsg& route, const std::array<nlattr*, RTA_MAX + 1>& attributes,
                        LinkTable& table) {
    if ((route.rtm_flags & RTM_F_CLONED) != 0)  // an exception that IPv6 learned
        return;
    GatewayRoute key{.destination = {},
                     .prefix_bits = route.rtm_dst_len,
                     .tos = route.rtm_tos,
                     .priority = attributes[RTA_PRIORITY] != nullptr ? nla_get_u32(attributes[RTA_PRIORITY]) : 0};
    if (route.rtm_family == AF_INET)
        key.prefix_bits += 96;
    if (const auto destination = read_address(route, attributes[RTA_DST]))
        key.destination = *destination;
    if (header.nlmsg_type == RTM_NEWROUTE)
        table.uplink_table().route_seen(key, hops_of(route, attributes), (header.nlmsg_flags & NLM_F_REPLACE) != 0);
    else
        table.uplink_table().route_gone(key, hops_of(route, attributes));
}

// Also called for each of a node's 100,000 routes to other nodes: of the table local, what is not ours leaves early.
bool take_route(nlmsghdr* header, LinkTable& table) {
    const auto& route = *static_cast<const rtmsg*>(nlmsg_data(header));
    const int host_bits = route.rtm_family == AF_INET ? 32 : 128;
    const bool to_a_host = route.rtm_dst_len == host_bits;
    if (route.rtm_table != RT_TABLE_MAIN && (route.rtm_table != RT_TABLE_LOCAL || !to_a_host))
        return false;
    std::array<nlattr*, RTA_MAX + 1> attributes{};
    if (nlmsg_parse(header, sizeof(rtmsg), attributes.data(), RTA_MAX, nullptr) < 0)
        return false;
    if (route.rtm_table == RT_TABLE_LOCAL)
        return take_local(header->nlmsg_type, route, attributes, table);
    take_gateway_route(*header, route, attributes, table);
    if (!to_a_host)
        return false;
    const auto destination = read_address(route, attributes[RTA_DST]);
    if (!destination)
        return false;
    const RouteKey key{.destination = *destination,
                       .priority = attributes[RTA_PRIORITY] ? nla_get_u32(attributes[RTA_PRIORITY]) : 0,
                       .tos = route.rtm_tos};
    const bool replaces = (header->nlmsg_flags & NLM_F_REPLACE) != 0;
    const bool ours = leads_to_a_host(route, attributes);
    const uint32_t ifindex = ours ? nla_get_u32(attributes[RTA_OIF]) : 0;
    if (header->nlmsg_type == RTM_DELROUTE && ours)
        table.route_gone(key, ifindex);
    else if (header->nlmsg_type == RTM_NEWROUTE && ours)
        table.route_seen(key, ifindex, replaces);
    else if (header->nlmsg_type == RTM_NEWROUTE && replaces)
        table.route_lost(key);
    return true;
}

}  // namespace

bool take_message(nlmsghdr* header, LinkTable& table) {
    switch (header->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
            return take_link(header, table);
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
            return take_route(header, table);
        default:
            return false;
    }
}

}  // namespace catflap::links
