// SPDX-License-Identifier: Apache-2.0
// In which order policies of one tier stand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/cluster.h"
#include "resolve/resolve.h"

namespace catflap::resolve {

// Whether `a` comes first: by priority, small ones first, none last; then by the string "name/namespace/kind", byte by
// byte, with Calico's names of the kinds (Calico 3.32, libcalico-go/lib/backend/model).
bool comes_before(const ClusterPolicy& a, const ClusterPolicy& b);

// Those of a tier, in order.
std::vector<PolicyName> in_order(const Cluster& cluster, ClusterTier tier);

// Two policies of one tier and priority that govern one pod in one direction: which comes first is not the API's, but
// our choice.
struct Tie {
    PolicyName first;  // in our order
    PolicyName second;
    Direction direction = Direction::ingress;
    ObjectName pod;  // one of those that both select

    auto operator<=>(const Tie&) const = default;
};
// Neighbours in a pod's order, each pair once for a direction; of many, some `most`. pods: of these, each in the
// cluster.
std::vector<Tie> ties(const Cluster& cluster, const std::vector<ObjectName>& pods, size_t most = SIZE_MAX);
std::string to_string(const Tie& tie);  // a sentence about `first`

}  // namespace catflap::resolve
