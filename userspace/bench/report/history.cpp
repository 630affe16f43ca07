// SPDX-License-Identifier: Apache-2.0
#include "bench/report/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "bench/report/goals.h"
#include "bench/lab/mode.h"
#include "bench/scenarios/scenario.h"

namespace catflap::bench {
namespace {

constexpr const char* kHead =
    "time,revision,scenario,stage,path,ebpf/none,low,high,ebpf/iptables,low,high,none again/none,low,high";
constexpr size_t kNames = 5;
constexpr size_t kFields = kNames + 9;

// Stages have commas in their names, and no quotes.
std::string quoted(const std::string& text) {
    return text.find(',') == std::string::npos ? text : '"' + text + '"';
}

std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> fields(1);
    bool inside = false;
    for (const char c : line) {
        if (c == '"')
            inside = !inside;
        else if (c == ',' && !inside)
            fields.emplace_back();
        else
            fields.back() += c;
    }
    return fields;
}

std::string numbers(const Estimate& estimate) {
    return estimate.samples == 0
               ? ",,"
               : fmt::format("{:.4g},{:.4g},{:.4g}", estimate.value, estimate.interval.low, estimate.interval.high);
}

Estimate estimate_of(const std::vector<std::string>& fields, size_t first) {
    if (fields[first].empty())
        return {};
    const auto number = [&](size_t field) { return std::strtod(fields[field].c_str(), nullptr); };
    return {number(first), {number(first + 1), number(first + 2)}, 1};
}

bool is_traffic(const Row& row) {
    return std::ranges::any_of(traffic_scenarios(), [&](const TrafficScenario& scenario) {
        return row.scenario == scenario.name || row.scenario.starts_with(scenario.name + " ");
    });
}

}  // namespace

History history_of(const std::string& csv) {
    History history;
    std::istringstream lines(csv);
    for (std::string line; std::getline(lines, line);) {
        const auto fields = fields_of(line);
        if (line == kHead || fields.size() != kFields)
            continue;
        history.push_back({fields[0], fields[1], fields[2], fields[3], fields[4], estimate_of(fields, kNames),
                           estimate_of(fields, kNames + 3), estimate_of(fields, kNames + 6)});
    }
    return history;
}

std::string to_text(const History& history) {
    std::string text = std::string(kHead) + "\n";
    for (const HistoryLine& line : history)
        text += fmt::format("{},{},{},{},{},{},{},{}\n", line.time, line.revision, line.scenario, quoted(line.stage),
                            line.path, numbers(line.to_none), numbers(line.to_iptables), numbers(line.control));
    return text;
}

History with_run(History history, const Results& results) {
    const auto value_of = [&](const char* name) {
        const auto found = results.environment.find(name);
        return found == results.environment.end() ? std::string("-") : found->second;
    };
    const std::string time = value_of("time");
    std::erase_if(history, [&](const HistoryLine& line) { return line.time == time; });
    for (const Row& row : results.rows) {
        const Estimate to_none = row.ratio(kEbpf, kNone);
        const Estimate to_iptables = row.ratio(kEbpf, better_iptables(row));
        if (is_traffic(row) && (to_none.samples != 0 || to_iptables.samples != 0))
            history.push_back({time, value_of("revision"), row.scenario, row.stage, row.path, to_none, to_iptables,
                               row.ratio(kControl, kNone)});
    }
    std::ranges::stable_sort(history, {}, &HistoryLine::time);
    return history;
}

Chart history_chart(const History& history) {
    const std::string path = kAcrossNodes.name;
    Chart chart{fmt::format("Speed of ebpf / none over published revisions, {}, {}", kFirstStage, path),
                "revision",
                "ratio",
                false,
                false,
                {},
                {}};
    std::vector<std::string> times;
    for (const HistoryLine& line : history)
        if (times.empty() || times.back() != line.time) {
            times.push_back(line.time);
            chart.x_ticks.emplace_back(static_cast<double>(times.size()), line.revision.substr(0, 7));
        }
    for (const TrafficScenario& scenario : traffic_scenarios()) {
        Line curve{scenario.name, {}, true};
        for (const HistoryLine& line : history)
            if (scenario.unit != "us" && line.scenario == scenario.name && line.stage == kFirstStage &&
                line.path == path && line.to_none.samples != 0)
                curve.points.push_back({static_cast<double>(std::ranges::find(times, line.time) - times.begin() + 1),
                                        line.to_none.value, line.to_none.interval.low, line.to_none.interval.high});
        if (!curve.points.empty())
            chart.lines.push_back(std::move(curve));
    }
    return chart;
}

}  // namespace catflap::bench
