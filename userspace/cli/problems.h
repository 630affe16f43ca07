// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace catflap::cli {

// What keeps a node from being enforced as its source says, a sentence each; of the agent's status. Objects that were
// refused are not among it: their last good versions are in force.
std::vector<std::string> problems_of(const nlohmann::json& status);

}  // namespace catflap::cli
