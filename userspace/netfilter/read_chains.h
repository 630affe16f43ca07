// SPDX-License-Identifier: Apache-2.0
// The chains of nftables as the kernel has them, and those of iptables-nft with them; by netlink, since libnftables
// reads whole tables, and kube-proxy's have thousands of chains.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "netfilter/foreign_rules.h"

namespace catflap::netfilter {

// Counts the transactions of this network namespace, elements of sets among them. Costs a message.
Result<uint32_t> ruleset_generation();

// Every chain of a hook, with the rules of those that may_see_forwarded(). Several messages: what changes in between is
// told by the generation.
Result<std::vector<HookedChain>> read_hooked_chains();

}  // namespace catflap::netfilter
