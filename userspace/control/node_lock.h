// SPDX-License-Identifier: Apache-2.0
// One agent in a network namespace: two would take each other's programs for a stranger's, whatever their directories.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace catflap::control {

// Held for as long as the descriptor is open; the kernel releases it however the agent ends. Fails, with the pid of the
// agent that holds it, with EADDRINUSE. An unprivileged process that has taken the name does not keep the agent out.
Result<UniqueFd> lock_network_namespace();

}  // namespace catflap::control
