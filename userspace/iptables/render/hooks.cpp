// SPDX-License-Identifier: Apache-2.0
// How packets come into our chains, and what becomes of those that they let through.
#include "iptables/render/chains.h"

namespace catflap::iptables {
namespace {

constexpr const char* kWorkloadToHost = "cali-wl-to-host";

// Listener queries, reports and dones, router solicitations, neighbour solicitations and advertisements: without them a
// pod does not find its gateway, and conntrack does not track them.
constexpr std::array<uint8_t, 6> kLinkMaintenance = {130, 131, 132, 133, 135, 136};

Chain hook(const std::string& built_in) {
    Chain chain{built_in, {}};
    chain.append({.target = {.verb = Verb::jump, .chain = "cali-" + built_in}});
    return chain;
}

// As an interface of a rule: every one whose name begins so.
std::vector<std::string> patterns_of(const std::vector<std::string>& prefixes) {
    std::vector<std::string> patterns;
    for (const std::string& prefix : prefixes)
        patterns.push_back(prefix + "+");
    return patterns;
}

Chain forward(const std::vector<std::string>& pods) {
    Chain chain{"cali-FORWARD", {}};
    chain.append({.target = {.verb = Verb::clear_mark, .bits = kEveryMark}});
    for (const std::string& any_pod : pods)
        chain.append({.match = {.in_interface = any_pod},
                      .target = {.verb = Verb::jump, .chain = std::string(kFromPod.dispatch)}});
    for (const std::string& any_pod : pods)
        chain.append({.match = {.out_interface = any_pod},
                      .target = {.verb = Verb::jump, .chain = std::string(kToPod.dispatch)}});
    chain.append({.match = {.mark = MarkMatch{kAccepted, true}}, .target = {Verb::accept}});
    return chain;
}

Chain input(const std::vector<std::string>& pods) {
    Chain chain{"cali-INPUT", {}};
    for (const std::string& any_pod : pods)
        chain.append({.match = {.in_interface = any_pod}, .target = {.verb = Verb::go_to, .chain = kWorkloadToHost}});
    return chain;
}

Chain output(const std::vector<std::string>& pods) {
    Chain chain{"cali-OUTPUT", {}};
    for (const std::string& any_pod : pods)
        chain.append({.match = {.out_interface = any_pod}, .target = {Verb::return_to_caller}});
    return chain;
}

Chain workload_to_host(Family family) {
    Chain chain{kWorkloadToHost, {}};
    if (family == Family::ipv6)
        for (const uint8_t type : kLinkMaintenance)
            chain.append({.match = {.protocol = "ipv6-icmp", .icmpv6_type = type}, .target = {Verb::accept}});
    chain.append({.target = {.verb = Verb::jump, .chain = std::string(kFromPod.dispatch)}});
    chain.append({.target = {Verb::accept}});
    return chain;
}

}  // namespace

std::vector<Chain> hook_rules() {
    return {hook("FORWARD"), hook("INPUT"), hook("OUTPUT")};
}

std::vector<Chain> hook_chains(Family family, const std::vector<std::string>& interface_prefixes) {
    const std::vector<std::string> pods = patterns_of(interface_prefixes);
    return {forward(pods), input(pods), output(pods), workload_to_host(family)};
}

}  // namespace catflap::iptables
