// SPDX-License-Identifier: Apache-2.0
// The agent's run directory, and what the control server has in it.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"

namespace catflap::control {

// With mode 0700, where it is not there.
Result<void> make_directory(const std::filesystem::path& path);
// RUN_DIR/agent.lock, held for the agent's life; the kernel releases it however the agent ends. Fails with the pid of
// the agent that holds it.
Result<UniqueFd> lock_directory(const std::filesystem::path& run_dir);
// A listening socket with mode 0600, in place of one that a dead agent left.
Result<UniqueFd> listen_on(const std::filesystem::path& path);

}  // namespace catflap::control
