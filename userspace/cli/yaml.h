// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace catflap::cli {

// The value as a YAML 1.2 document that reads back as the same value, with YAML 1.1 readers too.
// libfyaml would not do: it takes text for a scalar and may print the string "8080" as a number.
std::string to_yaml(const nlohmann::json& value);

}  // namespace catflap::cli
