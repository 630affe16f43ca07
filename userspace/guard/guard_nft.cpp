// SPDX-License-Identifier: Apache-2.0
#include "guard/guard_nft.h"

#include <catflap/abi.h>
#include <nftables/libnftables.h>

#include <nlohmann/json.hpp>

#include "netfilter/own_table.h"

namespace catflap::guard {
namespace {

// Before connection tracking and every other table: what no program judged leaves no trace. Only what is forwarded
// passes the hook `forward`, so the node's own packets to its pods are free, as they are in the programs. A pod's
// neighbour discovery and listener reports to the node pass, as they do there, and its answers to the node's own
// connections: the kubelet's probes.
constexpr const char* kTable = R"(
add table inet catflap
add counter inet catflap unjudged
add chain inet catflap forwarded {{ type filter hook forward priority -310; policy accept; }}
add chain inet catflap to_node {{ type filter hook input priority -310; policy accept; }}
add chain inet catflap pod_to_node
flush chain inet catflap forwarded
flush chain inet catflap to_node
flush chain inet catflap pod_to_node
add rule inet catflap forwarded iifgroup {1} counter name unjudged drop
add rule inet catflap forwarded oifgroup {1} counter name unjudged drop
add rule inet catflap to_node iifgroup {1} jump pod_to_node
add rule inet catflap pod_to_node ip6 hoplimit 255 icmpv6 type {{ {2} }} accept
add rule inet catflap pod_to_node ip6 hoplimit 1 icmpv6 type {{ {3} }} accept
add rule inet catflap pod_to_node meta l4proto tcp ct direction reply ct state established accept
add rule inet catflap pod_to_node counter name unjudged drop
)";

constexpr const char* kUnjudged = R"(
add rule inet catflap forwarded iifgroup != {0} iifname "{1}*" counter name unjudged drop
add rule inet catflap forwarded oifgroup != {0} oifname "{1}*" counter name unjudged drop
add rule inet catflap to_node iifgroup != {0} iifname "{1}*" jump pod_to_node
)";

// The names of those that a pod may send, separated by commas.
std::string link_messages(int hop_limit) {
    std::string names;
#define CATFLAP_LINK_MESSAGE(type, name, hops, pod_may_send) \
    if (hop_limit == (hops) && (pod_may_send))               \
        names += names.empty() ? name : ", " name;
#include <catflap/link_maintenance.def>
#undef CATFLAP_LINK_MESSAGE
    return names;
}

}  // namespace

std::string guard_table_commands(GuardScope scope, const InterfacePrefixes& prefixes) {
    std::string commands =
        fmt::format(kTable, int{CATFLAP_GROUP_JUDGED}, int{CATFLAP_GROUP_CLOSED}, link_messages(255), link_messages(1));
    if (scope == GuardScope::unjudged)
        for (const std::string& prefix : prefixes.list())
            commands += fmt::format(kUnjudged, int{CATFLAP_GROUP_JUDGED}, prefix);
    return commands;
}

Result<GuardCount> count_of_guard_table() {
    auto text = netfilter::run_nft("list counter inet catflap unjudged", NFT_CTX_OUTPUT_JSON);
    if (!text)
        return fail_because(text.error(), "read the counter of the nftables table inet catflap");
    const auto answer = nlohmann::json::parse(*text, nullptr, false);
    if (answer.is_object())
        for (const auto& object : answer.value("nftables", nlohmann::json::array()))
            if (const auto counter = object.find("counter"); counter != object.end())
                return GuardCount{counter->value("packets", uint64_t{0}), counter->value("bytes", uint64_t{0})};
    return fail("read the counter of the nftables table inet catflap: an answer without it");
}

}  // namespace catflap::guard
