// SPDX-License-Identifier: Apache-2.0
// What there is to say before a state is in force, and of what the audit put right.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "agent/agent.h"

namespace catflap::agent {

// The answer to any request but settle.
nlohmann::json report_starting(const AgentState& state, const nlohmann::json& request);

// The fields `state`, `starting`, `mends`, `pins` of status.
nlohmann::json report_lifecycle(const AgentState& state);

std::string rfc3339(std::chrono::system_clock::time_point time);
std::string kernel_release();

}  // namespace catflap::agent
