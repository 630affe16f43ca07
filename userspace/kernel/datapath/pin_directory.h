// SPDX-License-Identifier: Apache-2.0
// The layout of PIN_DIR, its lock, and how it is taken away.
//
//   PIN_DIR/links/12-from_pod    TCX links, by ifindex
//   PIN_DIR/guard/forward-ipv4   the guard's links
//   PIN_DIR/keep/flows ...       maps that outlive the agent
//   PIN_DIR/state/cidrs ...      the tables' maps of the agent that ran last; state_next, state_old while they change
// Which map is where: include/catflap/maps.def.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace catflap::kernel {

// Makes the directory where it is not there. Fails where it is not on bpffs, and with EADDRINUSE where another agent,
// of whatever network namespace, holds it.
Result<UniqueFd> lock_pin_directory(const std::filesystem::path& pin_dir);

// False: the directory was removed and made again, or is hidden by another mount, so that the lock is of no use.
bool is_directory_of(int lock_fd, const std::filesystem::path& pin_dir);

// Removes the pins that are ours by name and type below PIN_DIR, and directories that are empty then. Returns what was
// left there: it is not ours. The caller holds the lock.
Result<std::vector<std::filesystem::path>> remove_pins(const std::filesystem::path& pin_dir);
// The same of one directory of maps (state_next ...).
Result<std::vector<std::filesystem::path>> remove_map_pins(const std::filesystem::path& directory);

}  // namespace catflap::kernel
