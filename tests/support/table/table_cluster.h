// SPDX-License-Identifier: Apache-2.0
// The shorthand in which truth tables write clusters.
#pragma once

#include "model/cluster.h"
#include "support/table/yaml.h"

namespace catflap::test {

// Applies `namespaces:`, `pods:`, `policies:`, `nodes:`, `cluster_policies:` and `refused:` of a table's mapping to the
// cluster. A null removes the object; a pod that exists keeps the fields that are not given; a policy is replaced as a
// whole.
Result<void> apply(const Yaml& change, Cluster& cluster);

}  // namespace catflap::test
