// SPDX-License-Identifier: Apache-2.0
#include "agent/fast_path.h"

#include <fmt/format.h>

namespace catflap::agent {
namespace {

// Of two that as many have, the smaller one; 0: nobody has any.
uint32_t most_common_mtu(const std::vector<FastPathEndpoint>& endpoints) {
    std::map<uint32_t, size_t> counts;
    for (const FastPathEndpoint& endpoint : endpoints)
        if (endpoint.link.veth_into_a_pod)
            ++counts[endpoint.link.mtu];
    uint32_t mtu = 0;
    for (const auto& [candidate, count] : counts)
        if (mtu == 0 || count > counts[mtu])
            mtu = candidate;
    return mtu;
}

std::string refusal_of(const FastPathEndpoint& endpoint, uint32_t mtu) {
    if (!endpoint.attached)
        return "the interface is not attached";
    if (!endpoint.link.veth_into_a_pod)
        return "the interface is no veth whose other end is in another network namespace";
    if (!endpoint.link.running)
        return "the interface, or its other end, is down";
    if (endpoint.link.mtu != mtu)
        return fmt::format("the interface's MTU is {}, and that of most pods here is {}", endpoint.link.mtu, mtu);
    return endpoint.others;
}

// A packet that is too large for where it goes needs the stack, which divides it, or tells its sender.
void decide_uplink(FastPath& decided, const FastPathUplink& uplink, uint32_t pod_mtu) {
    catflap_uplink may{0, pod_mtu};
    if (uplink.others.empty() && pod_mtu != 0 && uplink.mtu != 0)
        may.ways = (uplink.mtu <= pod_mtu ? uint32_t{CATFLAP_UPLINK_IN} : 0U) |
                   (uplink.mtu >= pod_mtu ? uint32_t{CATFLAP_UPLINK_OUT} : 0U);
    if (!uplink.others.empty())
        decided.refused_uplinks[uplink.ifindex] = uplink.others;
    else if (pod_mtu == 0)
        decided.refused_uplinks[uplink.ifindex] = "no pod here has a veth into a namespace of its own";
    else if (uplink.mtu == 0)
        decided.refused_uplinks[uplink.ifindex] = "its MTU is not known";
    else if (uplink.mtu != pod_mtu)
        decided.refused_uplinks[uplink.ifindex] =
            fmt::format("its MTU is {}, and that of most pods here is {}", uplink.mtu, pod_mtu);
    if (may.ways != 0)
        decided.uplinks[uplink.ifindex] = may;
}

}  // namespace

FastPath decide_fast_path(const FastPathNode& node, const std::vector<FastPathEndpoint>& endpoints,
                          const std::vector<FastPathUplink>& uplinks) {
    FastPath decided;
    decided.node = node;
    decided.endpoints = endpoints.size();
    if (!node.off.empty())
        return decided;
    const uint32_t mtu = most_common_mtu(endpoints);
    for (const FastPathUplink& uplink : uplinks) {
        decided.uplink_names[uplink.ifindex] = uplink.name;
        decide_uplink(decided, uplink, mtu);
    }
    for (const FastPathEndpoint& endpoint : endpoints) {
        if (std::string refusal = refusal_of(endpoint, mtu); !refusal.empty())
            decided.refused[endpoint.ifindex] = std::move(refusal);
        else
            decided.gates[endpoint.ifindex] = node.udp_only.empty() ? CATFLAP_REDIRECT_TCP_UDP : CATFLAP_REDIRECT_UDP;
    }
    return decided;
}

std::string fast_path_of(const FastPath& decided, uint32_t ifindex) {
    if (!decided.node.off.empty())
        return decided.node.off;
    if (const auto refused = decided.refused.find(ifindex); refused != decided.refused.end())
        return refused->second;
    const auto gate = decided.gates.find(ifindex);
    if (gate == decided.gates.end())
        return "no pod is known for the interface";
    return gate->second == CATFLAP_REDIRECT_TCP_UDP ? "tcp,udp" : "udp";
}

std::vector<report::FastPathUplinkRow> uplink_rows(const FastPath& decided) {
    std::vector<report::FastPathUplinkRow> rows;
    for (const auto& [ifindex, name] : decided.uplink_names) {
        report::FastPathUplinkRow row{.name = name};
        if (const auto uplink = decided.uplinks.find(ifindex); uplink != decided.uplinks.end()) {
            row.in = (uplink->second.ways & CATFLAP_UPLINK_IN) != 0;
            row.out = (uplink->second.ways & CATFLAP_UPLINK_OUT) != 0;
        }
        if (const auto refused = decided.refused_uplinks.find(ifindex); refused != decided.refused_uplinks.end())
            row.refusal = refused->second;
        rows.push_back(std::move(row));
    }
    return rows;
}

std::string refusal_of_liberal(const std::string& value) {
    constexpr const char* kName = "net.netfilter.nf_conntrack_tcp_be_liberal";
    if (value.empty())
        return fmt::format("{} cannot be read", kName);
    return value == "0" ? fmt::format("{} is 0", kName) : "";
}

}  // namespace catflap::agent
