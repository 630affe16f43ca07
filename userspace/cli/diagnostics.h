// SPDX-License-Identifier: Apache-2.0
// Refusals and warnings, as the agent sends them and as `check` finds them.
#pragma once

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "source/decode/decode.h"

namespace catflap::cli {

// {"file","line","object","field","message"}
nlohmann::json to_json(const source::Diagnostic& diagnostic);
nlohmann::json to_json(const std::vector<source::Diagnostic>& diagnostics);
std::vector<source::Diagnostic> diagnostics_from(const nlohmann::json& list);

// What an agent refused, with what is in force instead: "file:line: object: field: message (its last good version is in
// force)".
void print_refused(std::ostream& out, const nlohmann::json& refused);

// A line each: "file:line: object: field: message".
void print(std::ostream& out, const std::vector<source::Diagnostic>& diagnostics, std::string_view before_message = "");

}  // namespace catflap::cli
