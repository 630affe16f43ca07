// SPDX-License-Identifier: Apache-2.0
// What the datapath's programs cost alone, by BPF_PROG_TEST_RUN: net of the same driver with an empty program, in ns
// and in units of L = one lookup that hits in an LRU hash of 10,000 live entries, measured in the same round.
#pragma once

#include "bench/traffic_run.h"

namespace catflap::bench {

inline const std::string kMicroNs = "micro ns";
inline const std::string kMicroL = "micro L";
inline const std::string kHotL = "L, one entry";
inline const std::string kRandomL = "L, random entries";

double planned_micro_seconds(const Run& run);
Result<> run_micro(Run& run);

}  // namespace catflap::bench
