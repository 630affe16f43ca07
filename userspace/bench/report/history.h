// SPDX-License-Identifier: Apache-2.0
// How the ratios went over the revisions: a line of CSV for each row of traffic of every published run. Ratios of runs
// on different machines can be compared, their rates cannot. Pure.
#pragma once

#include <string>
#include <vector>

#include "bench/report/plot.h"
#include "bench/report/results.h"

namespace catflap::bench {

struct HistoryLine {
    std::string time;  // "2026-11-29 09:31 UTC": the run's
    std::string revision;
    std::string scenario;
    std::string stage;
    std::string path;
    Estimate to_none;      // ebpf / none
    Estimate to_iptables;  // ebpf / the better iptables; not measured: no samples
    Estimate control;      // none again / none
};
using History = std::vector<HistoryLine>;  // the oldest run first

// Of to_text() only; a line of another form is left out.
History history_of(const std::string& csv);
std::string to_text(const History& history);

// With the run's rows behind it; the same run again takes the place of what it was.
History with_run(History history, const Results& results);

// ebpf / none of all scenarios that are rates, with one policy, across nodes; a column for each run.
Chart history_chart(const History& history);

}  // namespace catflap::bench
