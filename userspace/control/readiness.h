// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace catflap::control {

// Tells systemd, or whoever set $NOTIFY_SOCKET, that what waits for catflapd may start; without that variable, nobody.
// The protocol of sd_notify(3), which is stable and meant to be spoken without its library: a build that wanted
// libsystemd's headers would have the package manager upgrade the init system of the machine.
Result<> notify_ready();

}  // namespace catflap::control
