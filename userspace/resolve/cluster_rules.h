// SPDX-License-Identifier: Apache-2.0
// One policy of SIG Network that holds for the cluster -> the rules of one of its directions.
#pragma once

#include <vector>

#include "resolve/rules.h"

namespace catflap::resolve {

// As for NetworkPolicy. A rule that can match nothing is left out.
void append_rules(const ClusterPolicy& policy, Direction direction, const Cluster& cluster, const PortNames& names,
                  std::vector<Rule>& rules);

// It has rules of this direction.
bool governs(const ClusterPolicy& policy, Direction direction);
bool selects(const ClusterPolicy& policy, const Labels& namespace_labels, const Pod& pod);

bool names_own_ports(const ClusterPolicy& policy);
// Its rules depend on Node objects.
bool names_nodes(const ClusterPolicy& policy);

}  // namespace catflap::resolve
