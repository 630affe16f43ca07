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

// A line each: "file:line: object: field: message".
void print(std::ostream& out, const std::vector<source::Diagnostic>& diagnostics, std::string_view before_message = "");

}  // namespace catflap::cli
