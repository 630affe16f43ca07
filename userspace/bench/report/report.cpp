// SPDX-License-Identifier: Apache-2.0
#include "bench/report/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/report/goals.h"
#include "bench/report/history.h"
#include "bench/scenarios/load.h"
#include "bench/micro/micro.h"
#include "bench/lab/mode.h"
#include "bench/lab/process.h"
#include "bench/measure/progress.h"
#include "bench/scenarios/scenario.h"
#include "bench/scenarios/update.h"
#include "bench/scenarios/churn.h"

namespace catflap::bench {
namespace {

std::string goals_text(const Results& results) {
    std::string text = "## The numbers to reach\n| what | reach | measured (95 % interval) | |\n|---|---|---|---|\n";
    for (const Goal& goal : goals(results))
        text += fmt::format("| {} | {} | {} | {} |\n", goal.what, goal.target, goal.measured, to_string(goal.reached));
    return text + "\n";
}

// How far apart two runs of one and the same thing come out: what is closer than that, the run cannot tell apart.
std::string control_text(const Results& results) {
    std::string text;
    size_t contained = 0;
    size_t compared = 0;
    std::vector<double> distances;
    for (const Row& row : results.rows) {
        const Estimate ratio = row.ratio(kControl, kNone);
        if (ratio.samples == 0 || ratio.interval.low == ratio.interval.high)
            continue;
        ++compared;
        contained += ratio.interval.contains(1) ? 1 : 0;
        distances.push_back(std::abs(ratio.value - 1));
        if (row.stage == kFirstStage)
            text += fmt::format("| {} | {} | {} | {} |\n", row.scenario, row.path, to_string(ratio),
                                ratio.interval.contains(1) ? "yes" : "**no**");
    }
    if (compared == 0)
        return "";
    return "## A against A\n`none again` is `none` once more, in namespaces of its own. Its ratio to `none` shows what the run can "
           "tell apart.\n\n| scenario | path | none again / none | holds 1 |\n|---|---|---|---|\n" +
           text +
           fmt::format(
               "\nOver all stages, {} of {} intervals hold 1; the median distance from 1 is {:.1f} %, the 95th "
               "percentile {:.1f} %.\n\n",
               contained, compared, 100 * median_of(distances), 100 * quantile_of(distances, 0.95));
}

std::string traffic_table(const Results& results, const std::string& scenario, const std::string& path) {
    const auto has = [&](const std::string& mode) {
        return std::ranges::find(results.modes, mode) != results.modes.end();
    };
    const bool has_control = has(kControl);
    std::vector<std::string> engines = {kEbpf};
    if (has(kFast))
        engines.push_back(kFast);
    std::string text;
    for (const Row& row : results.rows) {
        if (row.scenario != scenario || row.path != path)
            continue;
        const std::string iptables = better_iptables(row);
        text += fmt::format("| {} |", row.stage);
        for (const std::string& mode : results.modes)
            text += fmt::format(" {} |", to_string(row.median(mode)));
        if (has_control)
            text += fmt::format(" {} |", to_string(row.ratio(kControl, kNone)));
        for (const std::string& engine : engines)
            text += fmt::format(" {} | {} |", to_string(row.ratio(engine, kNone)),
                                iptables.empty() ? "-" : to_string(row.ratio(engine, iptables)));
        text += '\n';
    }
    if (text.empty())
        return "";
    std::vector<std::string> columns = results.modes;
    if (has_control)
        columns.emplace_back("A/A: none again / none");
    for (const std::string& engine : engines)
        columns.insert(columns.end(), {engine + " / none", engine + " / better iptables"});
    std::string rule = "|---|";
    for (size_t i = 0; i < columns.size(); ++i)
        rule += "---|";
    return fmt::format("{}:\n\n| | {} |\n{}\n{}\n", path, fmt::join(columns, " | "), rule, text);
}

std::string traffic_text(const Results& results, const std::string& plots, const std::map<std::string, Chart>& charts) {
    std::string text =
        "## Traffic\nMedians with their 95 % intervals; ratios are medians of the ratios pair by pair.\n\n";
    std::vector<ScenarioName> scenarios;
    for (const TrafficScenario& scenario : traffic_scenarios()) {
        if (scenario.name != "latency")
            scenarios.push_back({scenario.name, fmt::format("{}, {}", scenario.what, scenario.unit)});
        else
            for (const char* quantile : {"p50", "p90", "p99", "p99.9"})
                scenarios.push_back({fmt::format("latency {}", quantile), fmt::format("{}, µs", scenario.what)});
    }
    for (const ScenarioName& scenario : scenarios) {
        const std::string tables =
            traffic_table(results, scenario.name, "same node") + traffic_table(results, scenario.name, "across nodes");
        if (tables.empty())
            continue;
        text += fmt::format("### {}\n{}.\n\n{}", scenario.name, scenario.what, tables);
        for (const std::string& file :
             {scenario.name + ".svg", scenario.name == "latency p99.9" ? std::string("latency.svg") : std::string()})
            if (const auto chart = charts.find(file); chart != charts.end())
                text += fmt::format("![{}]({}{})\n\n", chart->second.title, plots, file);
    }
    return text;
}

std::string micro_text(const Results& results) {
    std::vector<std::string> stages;
    std::vector<std::string> names;
    for (const Row& row : results.rows) {
        if (row.scenario != kMicroNs)
            continue;
        if (std::ranges::find(stages, row.stage) == stages.end())
            stages.push_back(row.stage);
        if (std::ranges::find(names, row.path) == names.end())
            names.push_back(row.path);
    }
    if (stages.empty())
        return "";
    std::string text =
        "## The program alone\nBy BPF_PROG_TEST_RUN, to_pod, net of an empty program. L is one lookup that hits in an LRU hash of "
        "10,000 live entries, of the same entry over and over. Where every packet is another, caches are cold, and a lookup of "
        "random entries (second number) is the fairer unit.\n\n| |";
    std::string rule = "|---|";
    for (const std::string& stage : stages) {
        text += fmt::format(" {} |", stage);
        rule += "---|";
    }
    text += "\n" + rule + "\n";
    for (const std::string& name : names) {
        text += fmt::format("| {} |", name);
        for (const std::string& stage : stages) {
            const auto median = [&](const std::string& scenario) {
                const Row* row = results.find(scenario, stage, name);
                return row == nullptr ? Estimate{} : row->median(kEbpf);
            };
            const Estimate hot = median(kMicroL);
            const Estimate random = median(kMicroRandomL);
            text += fmt::format(" {} ns", to_string(median(kMicroNs)));
            text += hot.samples == 0 ? "" : fmt::format("; {} L", three_digits(hot.value));
            text += random.samples == 0 ? "" : fmt::format("; {} random lookups", three_digits(random.value));
            text += " |";
        }
        text += "\n";
    }
    return text + "\n";
}

// Scenarios without a path: a line for each stage, a column for each mode or engine.
std::string plain_table(const Results& results, const std::string& scenario, const std::string& title) {
    std::string text;
    for (const Row& row : results.rows)
        if (row.scenario == scenario)
            for (const auto& [mode, samples] : row.samples)
                text += fmt::format("| {} | {} | {} {} | {} | {} |\n", row.stage, mode, to_string(row.median(mode)),
                                    row.unit, three_digits(quantile_of(samples, 0.99)), samples.size());
    return text.empty()
               ? ""
               : fmt::format("### {}\n| | | median | p99 | samples |\n|---|---|---|---|---|\n{}\n", title, text);
}

std::string control_plane_text(const Results& results, const std::string& plots,
                               const std::map<std::string, Chart>& charts) {
    std::string text = plain_table(results, kUpdate, "From a change in the source to the first packet judged by it");
    if (charts.contains("update.svg"))
        text += fmt::format("![{}]({}update.svg)\n\n", charts.at("update.svg").title, plots);
    text += plain_table(results, kLoad, "100,000 addresses into the kernel");
    text += plain_table(results, kCold, "Cold start, 250 pods on the node");
    text += plain_table(results, kMemory, "Memory of the maps");
    text += plain_table(results, kChurn, "The agent under 150 pod changes/s");
    text += plain_table(results, kReplacement, "Policies replaced under full traffic");
    return text.empty() ? "" : "## Control plane\n" + text;
}

std::string place_text(const Results& results) {
    const Method& method = results.method;
    std::string text = "## The run\n| | |\n|---|---|\n";
    for (const auto& [name, value] : results.environment)
        text += fmt::format("| {} | {} |\n", name, value);
    text += fmt::format("| duration | {} |\n| verdicts compared before | {} in each mode, all alike |\n",
                        duration_text(method.seconds), method.verdicts);
    text += fmt::format("| slices of traffic | {} |\n", method.slices);
    text += fmt::format("| measurements in windows | {} |\n| repeated, the CPU was taken away meanwhile | {} |\n",
                        method.measurements, method.repeated);
    text += fmt::format("| dropped, it was every time | {} |\n| time that the hypervisor took | {:.2f} % |\n\n",
                        method.disturbed, 100 * method.steal);
    return text;
}

}  // namespace

std::string to_markdown(const Results& results, const std::string& plots) {
    const auto all = charts(results);
    std::string text = results.quick ? "A quick run: few rounds, wide intervals.\n\n" : "";
    return text + goals_text(results) + control_text(results) + traffic_text(results, plots, all) +
           micro_text(results) + control_plane_text(results, plots, all) + place_text(results);
}

Result<> write_report(const Results& results, const Published& where) {
    const std::filesystem::path& directory = where.directory;
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error)
        return fail_errno(error.value(), "create {}", directory.string());
    for (const auto& [file, chart] : charts(results))
        if (auto done = write_text(directory / file, to_svg(chart)); !done)
            return done;
    if (auto done = write_text(directory / "results.json", to_text(results)); !done)
        return done;
    std::string text = to_markdown(results, where.plots);
    if (!where.history.empty()) {
        const History history = with_run(history_of(read_text(where.history)), results);
        if (auto done = write_text(where.history, to_text(history)); !done)
            return done;
        const Chart chart = history_chart(history);
        if (auto done = write_text(directory / "history.svg", to_svg(chart)); !done)
            return done;
        text += fmt::format("## Over revisions\n![{}]({}history.svg)\n\nEvery row of every published run: `{}`.\n",
                            chart.title, where.plots, where.history.filename().string());
    }
    return write_text(directory / "report.md",
                      "<!-- SPDX-License-Identifier: Apache-2.0 -->\n# Report of catflap-bench\n" + text);
}

}  // namespace catflap::bench
