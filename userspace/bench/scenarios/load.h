// SPDX-License-Identifier: Apache-2.0
// Large states: how fast they are loaded, and what they take in memory.
#pragma once

#include "bench/traffic/traffic_run.h"

namespace catflap::bench {

inline const std::string kLoad = "load";
inline const std::string kLoadStage = "100,000 addresses";
inline const std::string kStoreOnly = "catflap, into the map";
inline const std::string kWholeCommit = "catflap, resolve to commit";
inline const std::string kIpset = "ipset restore";
inline const std::string kCold = "cold start";
inline const std::string kColdRead = "source read";
inline const std::string kColdRest = "after the source is read";
inline const std::string kMemory = "memory";

double planned_load_seconds(const Run& run);
Result<> run_load(Run& run);

}  // namespace catflap::bench
