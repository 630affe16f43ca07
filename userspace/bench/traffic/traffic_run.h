// SPDX-License-Identifier: Apache-2.0
// Measures traffic: stage by stage, and within a stage the modes take turns, there and back (A B C C B A): by slices of
// milliseconds (slices.h), or by windows where something needs more time than that.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "bench/measure/progress.h"
#include "bench/report/results.h"
#include "bench/scenarios/scenario.h"
#include "bench/lab/site.h"
#include "bench/traffic/slices.h"

namespace catflap::bench {

// What all parts of a run share.
struct Run {
    const Laboratory& laboratory;
    std::string catflapd;
    std::vector<std::unique_ptr<Site>> sites;  // one for each mode
    Settings settings;
    Turns turns;
    std::set<std::string> only;  // scenarios; empty: all
    bool quick = false;
    bool smoke = false;
    Results results;
    Progress progress;

    // The next step of the progress line. Fails where somebody asked the harness to stop.
    Result<> step(const std::string& what, double planned_seconds);
    // True: the promised time (3 minutes, 45 for a full run) would not be kept if everything were repeated as planned.
    [[nodiscard]] bool late(double share = 0.85) const;
    [[nodiscard]] bool wants(const std::string& scenario) const { return only.empty() || only.contains(scenario); }
    [[nodiscard]] Site* site(const std::string& mode) const;
};

// The source holds exactly these files; returns when every agent enforces them.
Result<> put_source(Run& run, const std::map<std::string, std::string>& files);

Result<> run_traffic(Run& run, const std::vector<Stage>& stages);
double planned_seconds(const Run& run, const std::vector<Stage>& stages);

}  // namespace catflap::bench
