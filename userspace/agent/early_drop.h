// SPDX-License-Identifier: Apache-2.0
// What is said of early drop. Pure.
#pragma once

#include <string>

#include "agent/agent.h"
#include "report/early_drop.h"

namespace catflap::agent {

// Why there is none, where the engine says so or not; "": there is.
std::string has_no_early_drop(const Options& options, const engine::EarlyDrop& engine);
report::EarlyDropRow row_of(const EarlyDropState& state);

}  // namespace catflap::agent
