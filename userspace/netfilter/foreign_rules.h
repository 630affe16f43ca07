// SPDX-License-Identifier: Apache-2.0
// Whose rules see the packets that this node forwards: where somebody else's do, no packet may be led past them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace catflap::netfilter {

// A chain that a hook of netfilter leads to.
struct HookedChain {
    std::string family;  // "ip", "ip6", "inet", "netdev", ...
    std::string table;
    std::string name;
    std::string type;  // "filter", "nat", "route"
    std::string hook;  // "forward", ...
    bool legacy = false;
    bool drops = false;              // what no rule decides
    std::vector<std::string> rules;  // of each, in order, the chain that it leads to; "": it does something else
};

// False: nothing that its rules could say matters to us, so they need not be read.
bool may_see_forwarded(const HookedChain& chain);

// A sentence for each chain by which others see what is forwarded. Chains of catflap and of kube-proxy, empty ones, and
// those that translate addresses are none: a flow that is translated is not led past anything.
std::vector<std::string> foreign_rules(const std::vector<HookedChain>& chains);

// What `iptables-legacy-save -t TABLE` or its sibling for IPv6 prints. family: "ip" or "ip6".
std::vector<HookedChain> parse_legacy(std::string_view saved, const std::string& family);

}  // namespace catflap::netfilter
