// SPDX-License-Identifier: Apache-2.0
// Keeps nf_conntrack following connections in this network namespace. Its hooks are registered while any rule asks for
// them, and go with the last such rule (net/netfilter/nf_conntrack_proto.c, nf_ct_netns_get). The datapath asks
// nf_conntrack who opened a connection, so whether kube-proxy's rules are there must not matter.
#pragma once

#include "netfilter/own_table.h"

namespace catflap::netfilter {

// One rule with a ct expression, in a chain that no hook leads to: it is what the reference hangs on, and no packet
// ever meets it.
inline constexpr const char* kTrackingTable = "inet catflap_conntrack";

// Not yet made.
inline OwnTable tracking_table() {
    return OwnTable(kTrackingTable);
}
// For OwnTable::make().
std::string tracking_commands();

}  // namespace catflap::netfilter
