// SPDX-License-Identifier: Apache-2.0
// The names of chains and sets, and the hashes that identify rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/address.h"

namespace catflap::iptables {

// Marks of a packet on its way through the chains.
constexpr uint32_t kAccepted = 0x10000;   // a policy or a profile admits it
constexpr uint32_t kPassedOn = 0x20000;   // the policies leave it to the profiles
constexpr uint32_t kAllBlocks = 0x40000;  // scratch: every block of alternatives so far has matched
constexpr uint32_t kThisBlock = 0x80000;  // scratch: one alternative of this block has matched
constexpr uint32_t kEveryMark = 0xf0000;

constexpr std::string_view kOurChains = "cali-";
constexpr size_t kMaxChainName = 28;
constexpr size_t kMaxSetName = 31;

// base64url of SHA-256, cut to `length` characters (at most 43).
std::string short_hash(std::string_view text, size_t length);

// prefix + name; where that is too long, prefix + "_" + a hash of the name that fills the 28 characters.
std::string chain_name(std::string_view prefix, std::string_view name);

// What the addresses of a set stand for.
enum class SetKind : char { selector = 's', named_port = 'n' };
// "cali40s:" (IPv6 "cali60s:") + a hash of the description, 31 characters.
std::string set_name(Family family, SetKind kind, std::string_view description);
bool is_our_set(std::string_view name);

// The 16 characters of a rule's comment: of the chain, the rule's text, and every rule in front of it.
std::string rule_hash(std::string_view chain, std::string_view previous_hash, std::string_view rule_text);

}  // namespace catflap::iptables
