// SPDX-License-Identifier: Apache-2.0
// What is measured at which scale, as tables.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/lab/manifests.h"
#include "bench/traffic/workload.h"

namespace catflap::bench {

struct TrafficScenario {
    std::string name;
    std::string unit;
    std::string what;
    OpenWorkload open = nullptr;                                                        // measured in slices, or
    std::function<Result<Reading>(const Site&, const Path&, const Settings&)> measure;  // in windows
    bool enforcing_only = false;  // where nothing is enforced there is nothing to measure
    size_t share = 1;             // of the rounds: one in so many
    bool on_wire = false;         // also with frames as they come from the wire

    [[nodiscard]] bool in_slices() const { return open != nullptr; }
    // In the scenario's unit: a rate, or the time that each takes.
    [[nodiscard]] double value_of(double per_second) const { return unit == "us" ? 1e6 / per_second : per_second; }
};
const std::vector<TrafficScenario>& traffic_scenarios();

struct Stage {
    std::string name;
    Scale scale;
    size_t rounds = 1;  // in each, 25 turns by slices or one by windows, every mode twice
};
// In the order in which they are run: pods are only ever added.
std::vector<Stage> stages(bool quick, bool smoke, size_t rounds);

// Everything that --only and --list know: the traffic scenarios, micro, and those of the control plane.
struct ScenarioName {
    std::string name;
    std::string what;
};
std::vector<ScenarioName> all_scenarios();

inline const std::string kFirstStage = "1 policy";

}  // namespace catflap::bench
