// SPDX-License-Identifier: Apache-2.0
#include "bench/report/goals.h"

#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "bench/lab/mode.h"
#include "bench/report/report.h"

using namespace catflap::bench;

namespace {

const Goal& find(const std::vector<Goal>& all, const std::string& what) {
    for (const Goal& goal : all)
        if (goal.what == what)
            return goal;
    FAIL("no such goal: " << what);
    return all.front();
}

Results some_results() {
    Results results;
    results.modes = {kNone, kControl, kEbpf, kLegacy, kNft};
    Row& row = results.row("new-flow", "100 policies", "across nodes", "packets/s");
    row.samples = {{kNone, {100, 110, 100, 100}},
                   {kControl, {100, 100, 110, 100}},
                   {kEbpf, {90, 100, 90, 90}},
                   {kLegacy, {10, 11, 10, 10}},
                   {kNft, {5, 6, 5, 5}}};
    return results;
}

}  // namespace

TEST_CASE("a goal is judged by its interval") {
    CHECK(judge({1.3, {1.2, 1.4}, 9}, 1.15, true) == Reached::yes);
    CHECK(judge({1.3, {1.1, 1.4}, 9}, 1.15, true) == Reached::unclear);
    CHECK(judge({1.0, {0.9, 1.1}, 9}, 1.15, true) == Reached::no);
    CHECK(judge({1.0, {0.9, 1.2}, 9}, 1.15, true) == Reached::unclear);
    CHECK(judge({1.0, {0.9, 1.1}, 9}, 1.15, false) == Reached::yes);
    CHECK(judge({2.0, {1.9, 2.1}, 9}, 1.15, false) == Reached::no);
    CHECK(judge({}, 1, true) == Reached::unmeasured);
    CHECK(judge({0, {0, 0}, 1}, 0, false) == Reached::yes);
    CHECK(judge({2, {2, 2}, 1}, 1, true, 4) == Reached::unclear);  // one pair has no width, and proves nothing
}

TEST_CASE("the iptables that counts is the better one: more packets, or less time") {
    Row row{"new-flow", "", "", "packets/s", {{kLegacy, {10, 10}}, {kNft, {5, 5}}}};
    CHECK(better_iptables(row) == kLegacy);
    row.unit = "us";
    CHECK(better_iptables(row) == kNft);
    row.samples.erase(kNft);
    CHECK(better_iptables(row) == kLegacy);
    row.samples.clear();
    CHECK(better_iptables(row).empty());
}

TEST_CASE("every number of the design has its line, measured or not") {
    const auto all = goals(some_results());
    CHECK(all.size() >= 25);
    const Goal& reached = find(all, "new-flow packets/s, ebpf / iptables, 100 policies");
    CHECK(reached.target == ">= 6");
    CHECK(reached.reached == Reached::yes);
    CHECK(find(all, "TCP connections/s, ebpf / none, same node").reached == Reached::unmeasured);
    CHECK(goals(Results{}).size() == all.size());
    Results fast = some_results();
    fast.modes.push_back(kFast);
    CHECK(goals(fast).size() == all.size() + 4);
}

TEST_CASE("results outlive their text, and so does what was not measured") {
    Results results = some_results();
    results.rows.front().samples[kEbpf].push_back(std::numeric_limits<double>::quiet_NaN());
    results.environment["kernel"] = "6.18";
    results.latency_curves["across nodes"][kNone] = {1, 2};
    results.method.slices = 50;
    const Results again = results_from_json(nlohmann::json::parse(to_text(results)));
    CHECK(again.method.slices == 50);
    CHECK(again.rows.front().median(kEbpf).value == results.rows.front().median(kEbpf).value);
    CHECK(again.rows.front().samples.at(kEbpf).size() == 5);
    CHECK(again.environment == results.environment);
    CHECK(again.latency_curves == results.latency_curves);
    CHECK(to_markdown(again, "") == to_markdown(results, ""));
}

TEST_CASE("the report has a table for what was measured, and the control") {
    const std::string report = to_markdown(some_results(), "plots/");
    CHECK(report.find("### new-flow") != std::string::npos);
    CHECK(report.find("| 100 policies |") != std::string::npos);
    CHECK(report.find("](plots/new-flow.svg)") != std::string::npos);
    CHECK(report.find("| none again / none |") != std::string::npos);
    CHECK(report.find("| A/A: none again / none | ebpf / none | ebpf / better iptables |") != std::string::npos);
    CHECK(report.find("### bulk") == std::string::npos);
}

TEST_CASE("a row of results is a line of their text, and a sample has five digits") {
    Results results = some_results();
    results.rows.front().samples[kNone] = {123456.789, 0.00123456789, 0, -98765.4321};
    const std::string text = to_text(results);
    CHECK(text.find("\"samples\":[1.2346e+05") == std::string::npos);
    const auto line = text.find("\"scenario\":\"new-flow\"");
    REQUIRE(line != std::string::npos);
    CHECK(text.substr(line, text.find('\n', line) - line).find("\"unit\":\"packets/s\"") != std::string::npos);
    const Results again = results_from_json(nlohmann::json::parse(text));
    CHECK(again.rows.front().samples.at(kNone) == std::vector<double>{123460, 0.0012346, 0, -98765});
}
