// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace catflap::control {

// Tells systemd, or whoever set $NOTIFY_SOCKET, a state: "READY=1", "WATCHDOG=1", "STATUS=...", several of them a line
// each; without that variable, nobody. The protocol of sd_notify(3), which is stable and meant to be spoken without its
// library: a build that wanted libsystemd's headers would have the package manager upgrade the init system of the
// machine.
Result<> notify(std::string_view state);

// How often "WATCHDOG=1" is due, which is half of the time after which the service manager takes this process for dead;
// nothing: it does not watch.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace catflap::control
