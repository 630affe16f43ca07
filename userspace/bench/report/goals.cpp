// SPDX-License-Identifier: Apache-2.0
#include "bench/report/goals.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "bench/scenarios/churn.h"
#include "bench/scenarios/load.h"
#include "bench/micro/micro.h"
#include "bench/lab/mode.h"
#include "bench/scenarios/update.h"

namespace catflap::bench {
namespace {

constexpr const char* kNotMeasured = "-";

std::string with_unit(const Estimate& estimate, const std::string& unit) {
    return estimate.samples == 0 ? kNotMeasured : to_string(estimate) + (unit.empty() ? "" : " " + unit);
}

class Table {
  public:
    explicit Table(const Results& results) : results_(results) {}
    // Of the goals to come.
    void require_samples(size_t enough) { enough_ = enough; }
    std::vector<Goal> take() { return std::move(goals_); }
    [[nodiscard]] bool has_mode(const std::string& mode) const {
        return std::ranges::find(results_.modes, mode) != results_.modes.end();
    }

    void at_least(const std::string& what, double target, const Estimate& measured) {
        goals_.push_back(
            {what, fmt::format(">= {}", target), with_unit(measured, ""), judge(measured, target, true, enough_)});
    }
    void at_most(const std::string& what, double target, const std::string& unit, const Estimate& measured) {
        goals_.push_back({what, fmt::format("<= {}{}{}", target, unit.empty() ? "" : " ", unit),
                          with_unit(measured, unit), judge(measured, target, false, enough_)});
    }

    [[nodiscard]] Estimate ratio(const std::string& scenario, const std::string& stage, const std::string& path,
                                 const std::string& mode, const std::string& to) const {
        const Row* row = results_.find(scenario, stage, path);
        return row == nullptr ? Estimate{} : row->ratio(mode, to);
    }
    [[nodiscard]] Estimate to_iptables(const std::string& scenario, const std::string& stage, const std::string& path,
                                       const std::string& mode) const {
        const Row* row = results_.find(scenario, stage, path);
        return row == nullptr ? Estimate{} : row->ratio(mode, better_iptables(*row));
    }
    [[nodiscard]] Estimate value(const std::string& scenario, const std::string& stage, const std::string& path,
                                 const std::string& mode, double scale = 1) const {
        const Row* row = results_.find(scenario, stage, path);
        if (row == nullptr)
            return {};
        Estimate estimate = row->median(mode);
        for (double* part : {&estimate.value, &estimate.interval.low, &estimate.interval.high})
            *part *= scale;
        return estimate;
    }
    [[nodiscard]] std::vector<double> samples(const std::string& scenario, const std::string& stage,
                                              const std::string& path, const std::string& mode) const {
        const Row* row = results_.find(scenario, stage, path);
        return row == nullptr || !row->samples.contains(mode) ? std::vector<double>{} : row->samples.at(mode);
    }

  private:
    const Results& results_;
    std::vector<Goal> goals_;
    size_t enough_ = 1;
};

const std::string kSame = "same node";
const std::string kAcross = "across nodes";

void fast_path_goals(Table& table) {
    const std::tuple<std::string, double, double> paths[] = {{kSame, 1.4, 1.45}, {kAcross, 1.6, 1.6}};
    for (const auto& [path, to_none, to_iptables] : paths) {
        table.at_least(fmt::format("established packets/s, fast path / none, {}", path), to_none,
                       table.ratio("established", "1 policy", path, kFast, kNone));
        table.at_least(fmt::format("established packets/s, fast path / iptables with 1 policy, {}", path), to_iptables,
                       table.to_iptables("established", "1 policy", path, kFast));
    }
}

void traffic_goals(Table& table) {
    if (table.has_mode(kFast))
        fast_path_goals(table);
    for (const std::string& path : {kSame, kAcross}) {
        table.at_least(fmt::format("established packets/s, ebpf / none, {}", path), 0.95,
                       table.ratio("established", "1 policy", path, kEbpf, kNone));
        table.at_least(fmt::format("new-flow packets/s, ebpf / none, {}", path), 0.92,
                       table.ratio("new-flow", "1 policy", path, kEbpf, kNone));
    }
    const std::pair<const char*, double> steps[] = {
        {"1 policy", 1.1}, {"10 policies", 1.7}, {"100 policies", 6}, {"1,000 policies", 110}};
    for (const auto& [stage, target] : steps)
        table.at_least(fmt::format("new-flow packets/s, ebpf / iptables, {}", stage), target,
                       table.to_iptables("new-flow", stage, kAcross, kEbpf));
    table.at_least("dropped packets/s, ebpf / iptables, from the wire", 2,
                   table.to_iptables("dropped", "1 policy", "from the wire", kEbpf));
    // What an agent does by itself: with the fast path, where it was measured.
    const std::string& usual = table.has_mode(kFast) ? kFast : kEbpf;
    const std::string name = table.has_mode(kFast) ? "fast path" : "ebpf";
    for (const auto& [path, target] : {std::pair{kSame, 1.02}, {kAcross, 0.98}})
        table.at_least(fmt::format("TCP connections/s, {} / none, {}", name, path), target,
                       table.ratio("connections", "1 policy", path, usual, kNone));
    table.at_least("TCP connections/s, ebpf / iptables, 100 policies", 1.6,
                   table.to_iptables("connections", "100 policies", kAcross, kEbpf));
    for (const auto& [path, target] : {std::pair{kSame, 0.75}, {kAcross, 0.78}})
        table.at_most(fmt::format("time of a request, {} / none, {}", name, path), target, "",
                      table.ratio("request", "1 policy", path, usual, kNone));
    table.at_most("request latency p99, ebpf / none", 0.95, "",
                  table.ratio("latency p99", "1 policy", kAcross, kEbpf, kNone));
}

// What a denied packet costs beyond one whose endpoint is unknown: flow lookup, classification, counting by rule.
std::vector<double> classification(const Table& table, const std::string& stage, const std::string& one) {
    auto denied = table.samples(kMicroNs, stage, one, kEbpf);
    const auto parsed = table.samples(kMicroNs, stage, kUnknownCase, kEbpf);
    for (size_t i = 0; i < std::min(denied.size(), parsed.size()); ++i)
        denied[i] -= parsed[i];
    return denied;
}

void micro_goals(Table& table) {
    const auto ratio = [&](const std::string& one) {
        return estimate_ratio(classification(table, kLargestMicroStage, one), classification(table, "1 policy", one));
    };
    table.at_most("classification, 10,000 policies and 100,000 addresses / 1 policy, hot", 1.05, "",
                  ratio(kDeniedCase));
    table.at_most("the same with random addresses", 1.2, "", ratio(kRandomDeniedCase));
    // In the lookup that meets the same caches: of one entry over and over, or of random ones.
    const auto cost = [&](const std::string& what, double target, const std::string& stage, const std::string& one,
                          bool random) {
        table.at_most("program alone, " + what, target, random ? "L of random entries" : "L of one entry",
                      table.value(random ? kMicroRandomL : kMicroL, stage, one, kEbpf));
    };
    cost("established flow, one of 10,000 live", 1.3, "1 policy", kFlowCase, false);
    cost("established flow, one of 10,000 live, from the pod", 1.3, "1 policy", kAnswerCase, false);
    cost("established flow, 10,000 live at random", 1.3, "1 policy", kRandomFlowsCase, true);
    cost("established flow, 10,000 live at random, from the pod", 1.3, "1 policy", kRandomAnswersCase, true);
    cost("new flow allowed, 1 policy", 6, "1 policy", kNewFlowCase, true);
    cost("new flow allowed, 1,000 policies", 6, "1,000 policies", kNewFlowCase, true);
    cost("packet denied, 1,000 policies, one source", 4, "1,000 policies", kDeniedCase, false);
    cost("packet denied, 10,000 policies, 100,000 addresses, random sources", 4, kLargestMicroStage, kRandomDeniedCase,
         true);
}

Estimate p99(const std::vector<double>& samples) {
    const double value = quantile_of(samples, 0.99);
    return samples.empty() ? Estimate{} : Estimate{value, {value, value}, samples.size()};
}

void control_goals(Table& table) {
    constexpr double kMiB = 1 << 20;
    table.at_most("one pod added to 100 sets, seen to enforced", 0.5, "ms", table.value(kUpdate, kOnePod, "", kEbpf));
    table.require_samples(100);  // fewer have no p99
    table.at_most("one policy over 250 pods and 100,000 addresses, seen to enforced, p99", 5, "ms",
                  p99(table.samples(kUpdate, kLargePolicy, "", kEbpf)));
    table.require_samples(3);
    table.at_least("100,000 addresses into the map, times faster than ipset restore", 60,
                   table.ratio(kLoad, kLoadStage, "", kIpset, kStoreOnly));
    table.at_most("cold start with 10,000 policies, 100,000 pods, 250 local, after the source is read", 400, "ms",
                  table.value(kCold, "10,000 policies, 100,000 pods, " + kColdRest, "", kEbpf));
    table.at_most("agent memory at that size, beside the maps", 120, "MiB",
                  table.value(kChurn, kChurnOwn + kFullChurn, "", kEbpf, 1 / kMiB));
    table.at_most("agent CPU at that size and 150 pod changes/s", 3, "% of a CPU",
                  table.value(kChurn, kChurnCpu + kFullChurn, "", kEbpf));
    table.require_samples(1);  // counts over a long time
    table.at_most("packets lost while policies are replaced under full traffic", 0, "",
                  table.value(kReplacement, kLost, "", kEbpf));
    table.at_most("packets wrongly let through meanwhile", 0, "", table.value(kReplacement, kLetThrough, "", kEbpf));
}

}  // namespace

std::string to_string(Reached reached) {
    switch (reached) {
        case Reached::yes:
            return "reached";
        case Reached::no:
            return "**not reached**";
        case Reached::unclear:
            return "unclear";
        case Reached::unmeasured:
            return "not measured";
    }
    return "";
}

Reached judge(const Estimate& measured, double target, bool at_least, size_t enough) {
    if (measured.samples == 0)
        return Reached::unmeasured;
    const bool good = at_least ? measured.value >= target : measured.value <= target;
    // Where the interval does not reach over the target, the run is sure.
    const bool sure = at_least ? (good ? measured.interval.low >= target : measured.interval.high < target)
                               : (good ? measured.interval.high <= target : measured.interval.low > target);
    return !sure || measured.samples < enough ? Reached::unclear : good ? Reached::yes : Reached::no;
}

bool higher_is_better(const Row& row) {
    return row.unit.ends_with("/s");
}

std::string better_iptables(const Row& row) {
    const Estimate legacy = row.median(kLegacy);
    const Estimate nft = row.median(kNft);
    if (legacy.samples == 0 || nft.samples == 0)
        return legacy.samples != 0 ? kLegacy : nft.samples != 0 ? kNft : "";
    return (legacy.value >= nft.value) == higher_is_better(row) ? kLegacy : kNft;
}

std::vector<Goal> goals(const Results& results) {
    Table table(results);
    table.require_samples(4);
    traffic_goals(table);
    micro_goals(table);
    table.require_samples(3);
    control_goals(table);
    return table.take();
}

}  // namespace catflap::bench
