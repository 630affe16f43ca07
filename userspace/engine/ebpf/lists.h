// SPDX-License-Identifier: Apache-2.0
// What the eBPF engine has to show; the fields are those of docs/cli.md.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "agent/agent.h"
#include "agent/ebpf_dataplane.h"
#include "report/page.h"

namespace catflap::agent {

Result<> list_ebpf(const AgentState& state, const EbpfDataplane& dataplane, report::Page& page);
Result<> list_sets(const AgentState& state, const EbpfDataplane& dataplane, report::Page& page);
Result<> list_flows(const AgentState& state, const EbpfDataplane& dataplane, report::Page& page);
nlohmann::json report_maps(const AgentState& state, const EbpfDataplane& dataplane);
nlohmann::json report_ebpf_status(const AgentState& state, const EbpfDataplane& dataplane);

}  // namespace catflap::agent
