// SPDX-License-Identifier: Apache-2.0
// What the lists of both engines share: the parts of a row that no engine counts, cursors, words of bounded length.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/agent.h"
#include "agent/report_counts.h"
#include "report/page.h"

namespace catflap::agent {

nlohmann::json fields_of(const AllowedAndDropped& counted);

// The part of an endpoint's row that both engines have.
nlohmann::json endpoint_row(const compile::EndpointSpec& spec, const AllowedAndDropped& from_pod,
                            const AllowedAndDropped& to_pod);

// Policies of the source from the cursor on. count: what one allowed and dropped.
Result<> list_policies(const AgentState& state, report::Page& page,
                       const std::function<AllowedAndDropped(const ObjectName& policy)>& count);
// Rules in force from the cursor on. count: what one admitted.
Result<> list_rules(const AgentState& state, report::Page& page,
                    const std::function<Counted(resolve::Direction direction, const resolve::Rule& rule)>& count);

// Of reasons.def, and kInvalidState.
const char* label_of(uint32_t reason);
nlohmann::json drop_row(uint32_t reason, const Counted& dropped);

// The set in words; one of very many blocks is cut, and says so.
std::string brief(const resolve::SourceSet& set);

// A cursor is a JSON array to us, and text to everybody else. Fails where it is none of `fields` fields.
Result<nlohmann::json> read_cursor(const report::Page& page, size_t fields);

}  // namespace catflap::agent
