// SPDX-License-Identifier: Apache-2.0
// What SIG Network's API says of ClusterNetworkPolicy, AdminNetworkPolicy and BaselineAdminNetworkPolicy.
//   API: https://network-policy-api.sigs.k8s.io/reference/spec/
//   NPEP-187, "unknown peers": https://network-policy-api.sigs.k8s.io/npeps/npep-187/
// Where it leaves a choice (equal priorities) the project's own reference does: shared/policy-tiers.md, sections 1, 2.
#pragma once

#include "model/cluster.h"
#include "oracle/oracle.h"

namespace catflap::oracle {

// True: a rule of the tier accepts or denies, and `decision` says which. False: none matches, or one passes.
bool ask_tier(const Cluster& cluster, ClusterTier tier, const Hop& hop, const Pod& local, Decision& decision);

}  // namespace catflap::oracle
