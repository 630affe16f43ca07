// SPDX-License-Identifier: Apache-2.0
// A question to an agent's control socket, docs/cli.md.
#pragma once

#include <chrono>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace catflap::bench {

// The whole answer, which says "ok": true.
Result<nlohmann::json> ask_agent(const std::filesystem::path& run_directory, const nlohmann::json& request,
                                 std::chrono::seconds patience);

}  // namespace catflap::bench
