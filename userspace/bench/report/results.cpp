// SPDX-License-Identifier: Apache-2.0
#include "bench/report/results.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace catflap::bench {

using nlohmann::json;

Estimate Row::median(const std::string& mode) const {
    const auto found = samples.find(mode);
    return found == samples.end() ? Estimate{} : estimate_median(found->second, per_round);
}

Estimate Row::ratio(const std::string& mode, const std::string& to) const {
    const auto numerator = samples.find(mode);
    const auto denominator = samples.find(to);
    if (numerator == samples.end() || denominator == samples.end())
        return {};
    return estimate_ratio(numerator->second, denominator->second, per_round);
}

Row& Results::row(const std::string& scenario, const std::string& stage, const std::string& path,
                  const std::string& unit) {
    for (Row& row : rows)
        if (row.scenario == scenario && row.stage == stage && row.path == path)
            return row;
    return rows.emplace_back(Row{scenario, stage, path, unit, {}});
}

const Row* Results::find(const std::string& scenario, const std::string& stage, const std::string& path) const {
    const auto found = std::ranges::find_if(
        rows, [&](const Row& row) { return row.scenario == scenario && row.stage == stage && row.path == path; });
    return found == rows.end() ? nullptr : &*found;
}

void Results::add(const std::string& scenario, const std::string& stage, const std::string& unit,
                  const std::string& mode, double value) {
    row(scenario, stage, "", unit).samples[mode].push_back(value);
}

namespace {

json interval_json(const Estimate& estimate) {
    return {{"median", estimate.value},
            {"low", estimate.interval.low},
            {"high", estimate.interval.high},
            {"samples", estimate.samples}};
}

// To five digits, which none of them has in truth.
json rounded(const std::vector<double>& samples) {
    json list = json::array();
    for (const double sample : samples) {
        if (!std::isfinite(sample) || sample == 0) {
            list.push_back(sample);
            continue;
        }
        const double unit = std::pow(10, std::floor(std::log10(std::abs(sample))) - 4);
        list.push_back(unit >= 1 ? std::round(sample / unit) * unit : std::round(sample / unit) / std::round(1 / unit));
    }
    return list;
}

json row_json(const Row& row) {
    json modes = json::object();
    for (const auto& [mode, samples] : row.samples)
        modes[mode] = {{"estimate", interval_json(row.median(mode))}, {"samples", rounded(samples)}};
    return {{"scenario", row.scenario}, {"stage", row.stage},        {"path", row.path},
            {"unit", row.unit},         {"perRound", row.per_round}, {"modes", modes}};
}

}  // namespace

json to_json(const Results& results) {
    json rows = json::array();
    for (const Row& row : results.rows)
        rows.push_back(row_json(row));
    const Method& method = results.method;
    return {{"environment", results.environment},
            {"modes", results.modes},
            {"quick", results.quick},
            {"method",
             {{"slices", method.slices},
              {"measurements", method.measurements},
              {"repeated", method.repeated},
              {"disturbed", method.disturbed},
              {"steal", method.steal},
              {"seconds", method.seconds},
              {"verdicts", method.verdicts}}},
            {"latencyQuantiles", kQuantiles},
            {"latencyCurves", results.latency_curves},
            {"rows", rows}};
}

std::string to_text(const Results& results) {
    json rest = to_json(results);
    const json rows = std::exchange(rest["rows"], json::array());
    std::string text = rest.dump(1);
    constexpr std::string_view kNoRows = "\"rows\": []";
    std::string lines = "\"rows\": [";
    for (const json& row : rows)
        lines += (lines.back() == '[' ? "\n  " : ",\n  ") + row.dump();
    return text.replace(text.find(kNoRows), kNoRows.size(), lines + "\n ]") + "\n";
}

Results results_from_json(const json& text) {
    Results results;
    results.environment = text.at("environment").get<std::map<std::string, std::string>>();
    results.modes = text.at("modes").get<std::vector<std::string>>();
    results.quick = text.at("quick").get<bool>();
    const json& method = text.at("method");
    results.method = {method.value("slices", size_t{0}),   method.at("measurements").get<size_t>(),
                      method.at("repeated").get<size_t>(), method.at("disturbed").get<size_t>(),
                      method.at("steal").get<double>(),    method.at("seconds").get<double>(),
                      method.at("verdicts").get<size_t>()};
    results.latency_curves =
        text.at("latencyCurves").get<std::map<std::string, std::map<std::string, std::vector<double>>>>();
    for (const json& row : text.at("rows")) {
        Row& read = results.rows.emplace_back(Row{row.at("scenario").get<std::string>(),
                                                  row.at("stage").get<std::string>(),
                                                  row.at("path").get<std::string>(),
                                                  row.at("unit").get<std::string>(),
                                                  {}});
        read.per_round = row.value("perRound", size_t{1});
        for (const auto& [mode, value] : row.at("modes").items())
            for (const json& sample : value.at("samples"))  // JSON has no NaN: null
                read.samples[mode].push_back(sample.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                                              : sample.get<double>());
    }
    return results;
}

}  // namespace catflap::bench
