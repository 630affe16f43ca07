// SPDX-License-Identifier: Apache-2.0
// The chains of docs/iptables.md, one function for each kind. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "iptables/render/ip_set.h"
#include "iptables/render/render.h"
#include "resolve/resolve.h"

namespace catflap::iptables {

// What depends on the direction. From the pod: its egress policies.
struct Way {
    resolve::Direction direction;
    std::string_view dispatch;  // "cali-from-wl-dispatch"
    std::string_view endpoint;  // "cali-fw-"
    std::string_view policy;    // "cali-po-"
    std::string_view profile;   // "cali-pro-"
};
constexpr Way kFromPod{resolve::Direction::egress, "cali-from-wl-dispatch", "cali-fw-", "cali-po-", "cali-pro-"};
constexpr Way kToPod{resolve::Direction::ingress, "cali-to-wl-dispatch", "cali-tw-", "cali-pi-", "cali-pri-"};

// The jumps out of FORWARD, INPUT and OUTPUT, and what they jump to.
std::vector<Chain> hook_rules();
// interface_prefixes: how the names of pods' interfaces begin.
std::vector<Chain> hook_chains(Family family, const std::vector<std::string>& interface_prefixes);

// By interface name; child chains first.
std::vector<Chain> dispatch_chains(const Way& way, std::vector<std::string> interfaces);

// policies: that isolate the pod in this direction.
Chain endpoint_chain(const Way& way, const std::string& interface, const Pod& pod,
                     const std::vector<ObjectName>& policies, const RenderOptions& options);

std::string policy_chain_name(const Way& way, const ObjectName& policy);
std::string namespace_profile_name(const Way& way, const std::string& ns);
std::string account_profile_name(const Way& way, const Pod& pod);
Chain namespace_profile(const Way& way, const std::string& ns);
Chain account_profile(const Way& way, const Pod& pod);

// Makes the chain of a policy in one direction and family, and adds the sets that it needs to `sets`.
Chain policy_chain(const Way& way, Family family, const Policy& policy, const Membership& membership,
                   std::map<std::string, IpSet>& sets);

// At most 15 slots each, a range takes two.
std::vector<std::vector<PortSpan>> multiport_lists(std::vector<PortSpan> spans);

Rule return_where_accepted();

}  // namespace catflap::iptables
