// SPDX-License-Identifier: Apache-2.0
// What the policies of one pod say of one new connection, with the reason. Pure.
//
// The verdict is found by walking the policies as they are written, not by what resolve/ and compile/ make of them: so
// the agent can compare it with its loaded tables. The unit tests compare it with the oracle.
#pragma once

#include "explain/hop.h"
#include "report/explanation.h"

namespace catflap::explain {

report::EndVerdict judge(const Cluster& cluster, const Hop& hop);

}  // namespace catflap::explain
