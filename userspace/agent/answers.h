// SPDX-License-Identifier: Apache-2.0
// The agent's state in the terms of the report room.
#pragma once

#include "agent/agent.h"
#include "report/status.h"

namespace catflap::agent {

// At most kMaxNamed of each: the counts of status_of() say how many there are.
std::vector<report::Notice> refused(const AgentState& state);
std::vector<report::Notice> warnings(const AgentState& state);

report::Status status_of(const AgentState& state);

// A page of `catflap get`. Fails where nothing is loaded yet, or with the engine's sentence.
Result<> list(const AgentState& state, report::Page& page);

}  // namespace catflap::agent
