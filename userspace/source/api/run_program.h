// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace catflap::source {

// Runs a program of PATH without a shell, and returns what it printed (at most 1 MiB); its standard error is ours, and
// it has no input. environment: beside ours. Fails where it cannot be started, fails, or takes longer than that; then
// it is killed.
Result<std::string> run_program(const std::string& command, const std::vector<std::string>& arguments,
                                const std::map<std::string, std::string>& environment, std::chrono::seconds limit);

}  // namespace catflap::source
