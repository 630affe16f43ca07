// SPDX-License-Identifier: Apache-2.0
// What the policies of the cluster say of one end, in order and as written.
#pragma once

#include "explain/hop.h"
#include "report/explanation.h"

namespace catflap::explain {

// Asks a tier. True: a rule of it accepts or denies, and the verdict is complete. False: none matches, or one passes
// on. Either way the verdict tells what each policy said.
bool ask_tier(const Cluster& cluster, ClusterTier tier, const Hop& hop, report::EndVerdict& verdict);

}  // namespace catflap::explain
