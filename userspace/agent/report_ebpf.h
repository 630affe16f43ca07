// SPDX-License-Identifier: Apache-2.0
// What the eBPF engine has to show; the fields are those of docs/cli.md.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "agent/agent.h"
#include "agent/ebpf_dataplane.h"

namespace catflap::agent {

nlohmann::json report_endpoints(const AgentState& state, const EbpfDataplane& dataplane);
nlohmann::json report_policies(const AgentState& state, const EbpfDataplane& dataplane);
nlohmann::json report_rules(const AgentState& state, const EbpfDataplane& dataplane);
// The length of report_sets(), without its members.
size_t count_sets(const EbpfDataplane& dataplane);
nlohmann::json report_sets(const AgentState& state, const EbpfDataplane& dataplane);
nlohmann::json report_flows(const AgentState& state, const EbpfDataplane& dataplane);
nlohmann::json report_drops(const AgentState& state, const EbpfDataplane& dataplane);
nlohmann::json report_maps(const AgentState& state, const EbpfDataplane& dataplane);
nlohmann::json report_ebpf_status(const AgentState& state, const EbpfDataplane& dataplane);

}  // namespace catflap::agent
