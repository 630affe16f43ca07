// SPDX-License-Identifier: Apache-2.0
// In which order objects are admitted where not all fit: namespaces take turns, and whoever has the least so far, the
// next object counted in, is next. Thousands of policies, or a huge one, thus come behind everything that is modest.
// Within a namespace the older comes first (metadata.creationTimestamp where it is known, then the name).
#pragma once

#include <vector>

#include "compile/plan/limits.h"
#include "model/cluster.h"

namespace catflap::compile {

struct Candidate {
    ObjectName name;
    std::string created;
    double weight = 1;  // its share of the limit of which it takes most
};

std::vector<ObjectName> in_fair_order(std::vector<Candidate> candidates);

// Of these policies, with weights by their size as written and by the labels that they tell apart.
std::vector<ObjectName> in_fair_order(const Cluster& cluster, const std::vector<ObjectName>& policies,
                                      const Limits& limits);

}  // namespace catflap::compile
