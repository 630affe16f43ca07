// SPDX-License-Identifier: Apache-2.0
// The one-step simplifications of objects that the shrinker tries. Each is valid, and smaller:
// trying them in turn ends.
#pragma once

#include <vector>

#include "model/cluster.h"

namespace catflap::test {

std::vector<Policy> smaller(const Policy& policy);
std::vector<ClusterPolicy> smaller(const ClusterPolicy& policy);
std::vector<Node> smaller(const Node& node);
std::vector<Pod> smaller(const Pod& pod);
std::vector<Namespace> smaller(const Namespace& ns);

}  // namespace catflap::test
