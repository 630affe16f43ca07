// SPDX-License-Identifier: Apache-2.0
// What the iptables engine has to show; the fields are those of docs/cli.md.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "agent/iptables_dataplane.h"
#include "report/page.h"

namespace catflap::agent {

Result<> list_iptables(const AgentState& state, const IptablesDataplane& dataplane, report::Page& page);
nlohmann::json report_iptables_status(const AgentState& state, const IptablesDataplane& dataplane);

}  // namespace catflap::agent
