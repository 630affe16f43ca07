// SPDX-License-Identifier: Apache-2.0
// How long a change takes: from the rename that puts it into the source to the first packet that is judged by it. The
// probing pod sends a new flow every few microseconds, and its sender's CPU carries each packet to its end before it
// sends the next, so the answer is as fine as that.
#pragma once

#include "bench/traffic/traffic_run.h"

namespace catflap::bench {

inline const std::string kUpdate = "update";
inline const std::string kOnePod = "one pod added to 100 sets";
inline const std::string kOnePolicy = "one policy";
inline const std::string kLargePolicy = "a policy over 250 pods and 100,000 addresses";

double planned_update_seconds(const Run& run);
Result<> run_update(Run& run);

}  // namespace catflap::bench
