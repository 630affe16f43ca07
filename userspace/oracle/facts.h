// SPDX-License-Identifier: Apache-2.0
// What the oracle knows of addresses, labels and pods, whatever kind of policy asks.
#pragma once

#include <string>
#include <vector>

#include "model/cluster.h"

namespace catflap::oracle {

bool lies_in(const Address& address, const Prefix& cidr);
bool lies_in(const Address& address, const IpBlock& block);

bool selects(const Selector& selector, const Labels& labels);
Labels labels_of_namespace(const Cluster& cluster, const std::string& name);

// Neither on the node's network nor finished.
bool takes_part(const Pod& pod);
bool has_address(const Pod& pod, const Address& address);
std::vector<const Pod*> pods_at(const Cluster& cluster, const Address& address);

}  // namespace catflap::oracle
