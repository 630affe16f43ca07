// SPDX-License-Identifier: Apache-2.0
// A run's results for people: report.md, and the plots that it shows.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "bench/report/plot.h"
#include "bench/report/results.h"

namespace catflap::bench {

// By file name.
std::map<std::string, Chart> charts(const Results& results);

// plots: the folder of the plots, as seen from the report.
std::string to_markdown(const Results& results, const std::string& plots);

struct Published {
    std::filesystem::path directory;  // gets report.md, results.json and the plots
    std::string plots;                // where the report says that its plots are; "": beside it
    std::filesystem::path history;    // the run is added to it; empty: no history
};
Result<> write_report(const Results& results, const Published& where);

}  // namespace catflap::bench
