// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace catflap::bench {

// SIGINT, SIGTERM and SIGHUP only ask: whoever works looks here between two steps, ends, and everything that was laid
// out is cleared away.
void catch_stop_signals();
bool stop_requested();

}  // namespace catflap::bench
