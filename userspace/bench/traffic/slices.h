// SPDX-License-Identifier: Apache-2.0
// How modes are compared: one thread visits all of them in turn, there and back (A B C C B A), a few milliseconds each.
// What drifts with time, or disturbs the machine for longer than that, hits all of them alike; what hits one slice
// alone is an outlier of hundreds, of which the median is taken.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "bench/traffic/workload.h"

namespace catflap::bench {

struct Visited {
    std::string mode;
    Workload* workload;
};

struct Turns {
    size_t count = 25;  // each visits every mode twice, there and back
    uint64_t slice_ns = 2 * kMillisecondNs;
    uint64_t lead_in_ns = kMillisecondNs / 5;
};

// Rates per second by mode, two of each turn. Those of different modes with the same index are neighbours in time.
// Before each slice the mode works for a moment that is not timed: without it, one that comes right after itself, as
// the first and the last one on the way do, would find its caches warm.
Result<std::map<std::string, std::vector<double>>> take_turns(std::span<const Visited> modes, const Turns& turns);

}  // namespace catflap::bench
