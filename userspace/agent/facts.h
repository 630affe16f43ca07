// SPDX-License-Identifier: Apache-2.0
// The agent's state as facts for the table of conditions; see report/conditions.h.
#pragma once

#include "agent/agent.h"
#include "report/facts.h"

namespace catflap::agent {

// At most so many refused objects, interfaces and pods are named: a list of them is no reason to keep the loop.
inline constexpr size_t kMaxNamed = 500;

// Pods that policies select and no agent can enforce.
const resolve::OutOfReachList& out_of_reach_of(const AgentState& state);
report::Facts facts_of(const AgentState& state);

// What is in force of an object whose present version was refused; "NetworkPolicy shop/web". Nothing for "", a file as
// a whole.
std::optional<report::Outcome> outcome_of(const AgentState& state, const std::string& object);
// The same by what the source said of it, which knows it of whole files, too.
std::optional<report::Outcome> outcome_of(const AgentState& state, const source::Diagnostic& refusal);

}  // namespace catflap::agent
