// SPDX-License-Identifier: Apache-2.0
// catflap-fuzz: random clusters and packets through every executor, until a difference, a number or
// a time.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "fuzz/differential.h"
#include "table/executors.h"

using namespace catflap::test;
using Clock = std::chrono::steady_clock;

namespace {

std::string numbers(const FuzzSummary& summary, Clock::time_point begin) {
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    return fmt::format("{} clusters, {} states, {} packets ({} allowed), {} differences, {:.0f} s", summary.clusters,
                       summary.states, summary.packets, summary.allowed, summary.differences, seconds);
}

// Names, so that nobody takes a run without the kernel for one with it.
std::string names_of(const std::vector<ExecutorFactory>& executors) {
    std::string names;
    for (const ExecutorFactory& make : executors)
        names += (names.empty() ? "" : ", ") + make()->name();
    return names;
}

}  // namespace

int main(int argc, char** argv) {
    FuzzOptions options;
    double minutes = 0;
    CLI::App app("Judges random clusters, changes and packets by every executor; the first difference ends the run.");
    app.add_option("--seed", options.first_seed, "the first cluster's seed")->capture_default_str();
    const auto* clusters = app.add_option("--clusters", options.clusters, "how many")->capture_default_str();
    app.add_option("--updates", options.updates, "changes of each cluster")->capture_default_str();
    app.add_option("--packets", options.packets, "per state of a cluster")->capture_default_str();
    app.add_option("--minutes", minutes, "run so long, unless --clusters ends it earlier");
    CLI11_PARSE(app, argc, argv);

    const auto begin = Clock::now();
    if (minutes > 0) {
        options.deadline =
            begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::ratio<60>>(minutes));
        if (clusters->count() == 0)
            options.clusters = UINT64_MAX;
    }
    const auto executors = executor_factories();
    fmt::print("executors: {}; seeds from {}\n", names_of(executors), options.first_seed);
    if (executors.size() < 2)
        fmt::print("one executor alone: nothing is compared\n");
    auto shown = begin;
    const FuzzSummary summary = run_differential(options, executors, [&](const FuzzSummary& now) {
        if (Clock::now() - shown < std::chrono::seconds(5))
            return;
        shown = Clock::now();
        fmt::print("{}\n", numbers(now, begin));
        std::fflush(stdout);
    });
    fmt::print("{}\n", numbers(summary, begin));
    if (summary.differences > 0)
        fmt::print("\n{}", summary.report);
    return summary.differences == 0 ? 0 : 1;
}
