// SPDX-License-Identifier: Apache-2.0
// What the agent answers on its control socket; the fields are described in docs/cli.md and are a contract.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/agent.h"

namespace catflap::agent {

// Of every command but settle.
nlohmann::json report(const AgentState& state, const nlohmann::json& request);
nlohmann::json failure(const std::string& message, int exit_code);
// At most kMaxNamed of each: the counts of report_status() say how many there are.
nlohmann::json refused(const AgentState& state);
nlohmann::json warnings(const AgentState& state);

nlohmann::json report_status(const AgentState& state);

}  // namespace catflap::agent
