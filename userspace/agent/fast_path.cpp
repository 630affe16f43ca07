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

}  // namespace

FastPath decide_fast_path(const FastPathNode& node, const std::vector<FastPathEndpoint>& endpoints) {
    FastPath decided{node, endpoints.size(), {}, {}};
    if (!node.off.empty())
        return decided;
    const uint32_t mtu = most_common_mtu(endpoints);
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

std::string refusal_of_liberal(const std::string& value) {
    constexpr const char* kName = "net.netfilter.nf_conntrack_tcp_be_liberal";
    if (value.empty())
        return fmt::format("{} cannot be read", kName);
    return value == "0" ? fmt::format("{} is 0", kName) : "";
}

}  // namespace catflap::agent
