// SPDX-License-Identifier: Apache-2.0
// `catflap explain`, answered by an agent: what policies say, and what of it this node's agent knows and enforces.
#pragma once

#include "agent/agent.h"
#include "report/explanation.h"

namespace catflap::agent {

// in_force: the source's cluster as it is admitted. Fails with what is wrong with the question.
Result<report::Explanation> explain(const AgentState& state, const Cluster& in_force, const report::Question& question);

}  // namespace catflap::agent
