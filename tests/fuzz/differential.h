// SPDX-License-Identifier: Apache-2.0
// Differential fuzzing: random clusters, changes and packets; whoever disagrees with the oracle
// ends the run.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/executors/executor.h"

namespace catflap::test {

struct FuzzOptions {
    uint64_t first_seed = 1;
    uint64_t clusters = 100;  // seeds first_seed, first_seed + 1, ...; each is a case of its own
    size_t updates = 4;       // changes of each cluster
    size_t packets = 20;      // per state of a cluster
    std::optional<std::chrono::steady_clock::time_point> deadline;  // ends the run earlier
};

struct FuzzSummary {
    uint64_t clusters = 0;
    uint64_t states = 0;       // clusters and their updates
    uint64_t packets = 0;      // judged by at least two executors
    uint64_t allowed = 0;      // of them; all or none would be a sign of a useless run
    uint64_t differences = 0;  // 0 or 1: the first one stops the run
    std::string report;        // of the difference: who said what, and the smallest case, ready to become a row
};

using FuzzProgress = std::function<void(const FuzzSummary&)>;

// The first executor is the one that the others are compared with. progress: after every cluster.
FuzzSummary run_differential(const FuzzOptions& options, const std::vector<ExecutorFactory>& executors,
                             const FuzzProgress& progress);

}  // namespace catflap::test
