// SPDX-License-Identifier: Apache-2.0
// One end of a connection, as the policies of its pod see it.
#pragma once

#include <cstdint>
#include <vector>

#include "model/cluster.h"
#include "resolve/resolve.h"

namespace catflap::explain {

using resolve::Direction;

struct Hop {
    const Pod& local;
    Direction direction = Direction::ingress;
    Address remote;
    std::vector<const Pod*> remotes;  // policed pods that have this address; normally one or none
    uint8_t protocol = 6;
    uint16_t port = 0;  // the destination's; 0 where the protocol has none
};

// Every policed pod with this address: two while the last word of one is older than the first of its successor.
std::vector<const Pod*> pods_at(const Cluster& cluster, const Address& address);

bool has_address(const Pod& pod, const Address& address);

}  // namespace catflap::explain
