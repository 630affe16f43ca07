// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "bench/lab/mode.h"
#include "bench/report/report.h"
#include "bench/scenarios/scenario.h"
#include "bench/scenarios/update.h"

namespace catflap::bench {
namespace {

const std::pair<const char*, double> kPolicySteps[] = {
    {"1 policy", 1}, {"10 policies", 10}, {"100 policies", 100}, {"1,000 policies", 1000}};

// ns for each packet or connection, over the number of policies.
Chart cost_chart(const Results& results, const std::string& scenario, const std::string& path,
                 const std::string& what) {
    Chart chart{fmt::format("Cost of {}, {}", what, path),
                "policies on the pod",
                scenario == "connections" ? "µs each" : "ns each",
                true,
                true,
                {},
                {}};
    const double nanoseconds = scenario == "connections" ? 1e6 : 1e9;
    for (const auto& [stage, policies] : kPolicySteps)
        chart.x_ticks.emplace_back(policies, fmt::format("{}", policies));
    for (const std::string& mode : results.modes) {
        Line line{mode, {}, true};
        for (const auto& [stage, policies] : kPolicySteps) {
            const Row* row = results.find(scenario, stage, path);
            const Estimate rate = row == nullptr ? Estimate{} : row->median(mode);
            if (rate.samples != 0 && rate.value > 0)
                line.points.push_back({policies, nanoseconds / rate.value, nanoseconds / rate.interval.high,
                                       nanoseconds / rate.interval.low});
        }
        if (!line.points.empty())
            chart.lines.push_back(std::move(line));
    }
    return chart;
}

Chart latency_chart(const Results& results, const std::string& path) {
    Chart chart{fmt::format("Latency of a request, {}, 1 policy", path),
                "share of the requests that take longer",
                "µs",
                true,
                true,
                {},
                {}};
    // From left to right into the tail: 1 / (1 - quantile).
    chart.x_ticks = {{1.01, "99 %"}, {2, "50 %"}, {10, "10 %"}, {100, "1 %"}, {1000, "0.1 %"}, {10000, "0.01 %"}};
    const auto curves = results.latency_curves.find(path);
    if (curves == results.latency_curves.end())
        return chart;
    for (const std::string& mode : results.modes) {
        const auto curve = curves->second.find(mode);
        if (curve == curves->second.end())
            continue;
        Line line{mode, {}, true};
        for (size_t i = 0; i < std::min(curve->second.size(), std::size(kQuantiles)); ++i)
            line.points.push_back({1 / (1 - kQuantiles[i]), curve->second[i], 0, 0});
        chart.lines.push_back(std::move(line));
    }
    return chart;
}

// Each change a column, each mode a point with its range from the fastest to the slowest.
Chart update_chart(const Results& results) {
    Chart chart{"From a change in the source to the first packet judged by it",
                "bars: from the fastest to the slowest",
                "ms",
                false,
                true,
                {},
                {}};
    const std::string changes[] = {kOnePod, kOnePolicy, kLargePolicy};
    const char* names[] = {"a pod into 100 sets", "a policy", "250 pods, 100,000 addresses"};
    chart.x_ticks.emplace_back(-0.4, "");
    for (size_t i = 0; i < std::size(changes); ++i)
        chart.x_ticks.emplace_back(static_cast<double>(i), names[i]);
    chart.x_ticks.emplace_back(2.4, "");
    std::vector<std::string> modes = results.modes;
    std::erase_if(modes, [](const std::string& mode) { return mode == kNone || mode == kControl; });
    for (size_t m = 0; m < modes.size(); ++m) {
        Line line{modes[m], {}, false};
        for (size_t i = 0; i < std::size(changes); ++i) {
            const Row* row = results.find(kUpdate, changes[i], "");
            if (row == nullptr || !row->samples.contains(line.name))
                continue;
            const auto& samples = row->samples.at(line.name);
            const auto [low, high] = std::ranges::minmax(samples);
            const double aside = 0.12 * (static_cast<double>(m) - static_cast<double>(modes.size() - 1) / 2);
            line.points.push_back({static_cast<double>(i) + aside, median_of(samples), low, high});
        }
        if (!line.points.empty())
            chart.lines.push_back(std::move(line));
    }
    return chart;
}

}  // namespace

std::map<std::string, Chart> charts(const Results& results) {
    std::map<std::string, Chart> all = {
        {"new-flow.svg", cost_chart(results, "new-flow", "across nodes", "the first packet of a flow")},
        {"established.svg", cost_chart(results, "established", "across nodes", "a packet of an established flow")},
        {"dropped.svg", cost_chart(results, "dropped", "across nodes", "a dropped packet")},
        {"connections.svg", cost_chart(results, "connections", "across nodes", "a TCP connection")},
        {"latency.svg", latency_chart(results, "across nodes")},
        {"update.svg", update_chart(results)},
    };
    std::erase_if(all, [](const auto& chart) { return chart.second.lines.empty(); });
    return all;
}

}  // namespace catflap::bench
