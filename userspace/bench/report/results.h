// SPDX-License-Identifier: Apache-2.0
// Everything that a run measured, as plain values; results.json is their text.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/measure/statistics.h"

namespace catflap::bench {

// One line of a table: a scenario at a stage on a path, measured for several modes. The samples of all modes with the
// same index belong together: slices that are neighbours in time, windows of one round. Not measured: NaN.
struct Row {
    std::string scenario;                                // "established"
    std::string stage;                                   // "100 policies"
    std::string path;                                    // "same node"; "": has none
    std::string unit;                                    // "packets/s"
    std::map<std::string, std::vector<double>> samples;  // by mode
    size_t per_round = 1;                                // of the samples of a mode

    [[nodiscard]] Estimate median(const std::string& mode) const;
    [[nodiscard]] Estimate ratio(const std::string& mode, const std::string& to) const;
};

struct Method {
    size_t slices = 0;
    size_t measurements = 0;  // in windows
    size_t repeated = 0;      // the CPU was taken away in the middle, so it was done again
    size_t disturbed = 0;     // was so every time, and was left out
    double steal = 0;         // share of the run, over all CPUs
    double seconds = 0;
    size_t verdicts = 0;  // compared between the modes before anything was timed
};

struct Results {
    std::map<std::string, std::string> environment;
    std::vector<std::string> modes;
    std::vector<Row> rows;
    Method method;
    bool quick = false;
    // Quantiles (us) of all requests of a mode, for the plot of the distribution, by path and mode; at kQuantiles.
    std::map<std::string, std::map<std::string, std::vector<double>>> latency_curves;

    Row& row(const std::string& scenario, const std::string& stage, const std::string& path, const std::string& unit);
    // Nothing where it was not measured.
    [[nodiscard]] const Row* find(const std::string& scenario, const std::string& stage, const std::string& path) const;
    void add(const std::string& scenario, const std::string& stage, const std::string& unit, const std::string& mode,
             double value);
};

inline constexpr double kQuantiles[] = {0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999};

nlohmann::json to_json(const Results& results);
std::string to_text(const Results& results);            // to_json(), a line for each row
Results results_from_json(const nlohmann::json& json);  // of to_json() only

}  // namespace catflap::bench
