// SPDX-License-Identifier: Apache-2.0
// How large a table of iptables-legacy is. It tells nobody when it changes, but to ask costs a system call, and a
// program that reads its rules costs milliseconds.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"

namespace catflap::netfilter {

// Entries and bytes of all chains together (IPT_SO_GET_INFO, net/ipv4/netfilter/ip_tables.c). Another pair: its rules
// have changed; the same one: nearly certainly not. family: "ip" or "ip6". Ask only for tables that are there: the
// kernel makes one that is not. Needs CAP_NET_ADMIN.
Result<std::pair<uint32_t, uint32_t>> legacy_size(const std::string& family, const std::string& table);

}  // namespace catflap::netfilter
