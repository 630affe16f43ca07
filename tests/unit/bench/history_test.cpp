// SPDX-License-Identifier: Apache-2.0
#include "bench/report/history.h"

#include <doctest/doctest.h>

#include "bench/lab/mode.h"

using namespace catflap::bench;

namespace {

Results run_of(const std::string& time, const std::string& revision, double ebpf) {
    Results results;
    results.environment = {{"time", time}, {"revision", revision}};
    results.modes = {kNone, kControl, kEbpf, kLegacy};
    results.row("established", "1 policy", "across nodes", "packets/s").samples = {
        {kNone, {100, 100}}, {kControl, {101, 101}}, {kEbpf, {ebpf, ebpf}}, {kLegacy, {80, 80}}};
    results.row("new-flow", "1,000 policies", "same node", "packets/s").samples = {{kNone, {10, 10}}, {kEbpf, {5, 5}}};
    results.row("dropped", "1 policy", "same node", "packets/s").samples = {{kEbpf, {5, 5}}, {kLegacy, {10, 10}}};
    results.row("micro ns", "1 policy", "one", "ns").samples = {{kNone, {1}}, {kEbpf, {1}}};
    return results;
}

}  // namespace

TEST_CASE("a run is added as lines of traffic, and its text says the same") {
    const History history = with_run({}, run_of("2026-11-29 09:00 UTC", "0123456789ab", 90));
    REQUIRE(history.size() == 3);
    CHECK(history[0].scenario == "established");
    CHECK(history[0].to_none.value == doctest::Approx(0.9));
    CHECK(history[0].to_iptables.value == doctest::Approx(1.125));
    CHECK(history[0].control.value == doctest::Approx(1.01));
    CHECK(history[1].to_iptables.samples == 0);
    CHECK(history[2].to_none.samples == 0);
    CHECK(history[2].to_iptables.value == doctest::Approx(0.5));
    const std::string text = to_text(history);
    CHECK(text.find("\n2026-11-29 09:00 UTC,0123456789ab,established,1 policy,across nodes,0.9,0.9,0.9,1.125,") !=
          std::string::npos);
    CHECK(text.find("\"1,000 policies\",same node,0.5,0.5,0.5,,,,,,\n") != std::string::npos);
    CHECK(to_text(history_of(text)) == text);
    CHECK(history_of("nonsense\n1,2,3\n").empty());
}

TEST_CASE("runs stand in the order of their time, and the same run only once") {
    History history = with_run({}, run_of("2026-11-30 09:00 UTC", "b", 95));
    history = with_run(std::move(history), run_of("2026-11-29 09:00 UTC", "a", 90));
    history = with_run(std::move(history), run_of("2026-11-30 09:00 UTC", "b", 96));
    REQUIRE(history.size() == 6);
    CHECK(history.front().revision == "a");
    CHECK(history.back().revision == "b");

    const Chart chart = history_chart(history);
    REQUIRE(chart.lines.size() == 1);
    REQUIRE(chart.lines.front().points.size() == 2);
    CHECK(chart.lines.front().points[0].y == doctest::Approx(0.9));
    CHECK(chart.lines.front().points[1].y == doctest::Approx(0.96));
    CHECK(chart.x_ticks.size() == 2);
}
