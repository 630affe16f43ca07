// SPDX-License-Identifier: Apache-2.0
// One question to the agent.
#pragma once

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>

namespace catflap::cli {

// Why there is no answer, and with what to exit.
struct Refusal {
    int exit_code = 0;
    std::string message;
    bool timed_out = false;  // somebody is there, and has not answered within the patience
};

using Answer = tl::expected<nlohmann::json, Refusal>;

// The agent's whole answer, which says "ok": true. `patience` bounds the silence, not the answer's
// length.
Answer ask(const std::filesystem::path& run_dir, const nlohmann::json& request,
           std::chrono::milliseconds patience = std::chrono::seconds(30));

}  // namespace catflap::cli
