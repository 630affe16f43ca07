// SPDX-License-Identifier: Apache-2.0
// How far a peer, or the ports, of a rule are from matching, and what is in the way in words. Pure.
#pragma once

#include <string>

#include "explain/hop.h"

namespace catflap::explain {

// 0: it matches. Otherwise the nearer, the fewer things would have to be different. remote: a pod at the hop's remote
// address; nullptr: there is none.
unsigned peer_distance(const Cluster& cluster, const Policy& policy, const PolicyPeer& peer, const Hop& hop,
                       const Pod* remote);
// Of a peer that does not match: "namespace b has team=red, wanted team=blue".
std::string peer_obstacle(const Cluster& cluster, const Policy& policy, const PolicyPeer& peer, const Hop& hop,
                          const Pod* remote);

// One of them matches, or there are none, which means every port of every protocol.
bool ports_match(const PolicyRule& rule, const Hop& hop, const Pod* remote);
// What the rule admits: "TCP 8080, UDP 53 to 60, TCP http (which shop/web does not declare)".
std::string ports_in_words(const PolicyRule& rule, const Hop& hop, const Pod* remote);

// "TCP 80", "ICMP", "protocol 47".
std::string port_in_words(uint8_t protocol, uint16_t port);

}  // namespace catflap::explain
