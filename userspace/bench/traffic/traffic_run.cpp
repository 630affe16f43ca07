// SPDX-License-Identifier: Apache-2.0
#include "bench/traffic/traffic_run.h"

#include <algorithm>
#include <limits>

#include <catflap/abi.h>

#include "bench/lab/interrupt.h"
#include "bench/traffic/verdicts.h"

namespace catflap::bench {
namespace {

namespace fs = std::filesystem;

// Of one mode in one round.
double measurement_seconds(const Run& run, const TrafficScenario& scenario) {
    constexpr double kSetUp = 0.06;  // sockets, and the grace periods of their ends
    if (scenario.in_slices())
        return static_cast<double>((run.turns.count + 1) * 2 * run.turns.slice_ns) / 1e9 + kSetUp;
    return 2 * (static_cast<double>(run.settings.window_ns) / 1e9 * 1.2 + kSetUp);
}

constexpr double kTrafficShare = 0.5;  // of the promised time

constexpr std::pair<const char*, double> kReported[] = {
    {"latency p50", 0.5}, {"latency p90", 0.9}, {"latency p99", 0.99}, {"latency p99.9", 0.999}};

std::vector<Path> paths_of(const Run& run, const Stage& stage) {
    const bool both = stage.scale.pods_on_node > 1 && (!run.quick || stage.name == kFirstStage);
    std::vector<Path> paths = both ? std::vector<Path>{kSameNode, kAcrossNodes} : std::vector<Path>{kAcrossNodes};
    if (stage.name == kFirstStage) {
        paths.push_back(kFromWire);
        std::ranges::copy(kFloods, std::back_inserter(paths));
    }
    return paths;
}

bool takes(const TrafficScenario& scenario, const Path& path) {
    switch (path.on_wire) {
        case OnWire::no:
            return true;
        case OnWire::one_source:
            return scenario.on_wire;
        case OnWire::sources:
        case OnWire::any_address:
            break;
    }
    return scenario.on_wire && scenario.enforcing_only;
}

bool measures(const Run& run, const TrafficScenario& scenario, const Site& site, size_t round) {
    return run.wants(scenario.name) && round % scenario.share == 0 &&
           (!scenario.enforcing_only || site.mode().enforces());
}

// Again where the machine was not ours meanwhile.
Result<Reading> measure(Run& run, const TrafficScenario& scenario, const Site& site, const Path& path) {
    constexpr int kTries = 3;
    for (int attempt = 1;; ++attempt) {
        auto reading = scenario.measure(site, path, run.settings);
        if (!reading)
            return fail_because(reading.error(), "mode {}", site.mode().name);
        ++run.results.method.measurements;
        if (reading->window.undisturbed() || run.smoke)
            return reading;
        if (attempt == kTries) {
            ++run.results.method.disturbed;
            reading->value = std::numeric_limits<double>::quiet_NaN();
            reading->latencies_us.clear();
            return reading;
        }
        ++run.results.method.repeated;
    }
}

using Pool = std::map<std::string, std::map<std::string, std::vector<double>>>;  // path -> mode -> us

void record(Run& run, const TrafficScenario& scenario, const Stage& stage, const Path& path, const std::string& mode,
            Reading reading, Pool& pool) {
    if (scenario.name != "latency") {
        run.results.row(scenario.name, stage.name, path.name, scenario.unit).samples[mode].push_back(reading.value);
        return;
    }
    std::ranges::sort(reading.latencies_us);
    for (const auto& [name, quantile] : kReported) {
        const double value = reading.latencies_us.empty() ? std::numeric_limits<double>::quiet_NaN()
                                                          : quantile_of_sorted(reading.latencies_us, quantile);
        run.results.row(name, stage.name, path.name, scenario.unit).samples[mode].push_back(value);
    }
    if (stage.name == kFirstStage) {
        auto& all = pool[path.name][mode];
        all.insert(all.end(), reading.latencies_us.begin(), reading.latencies_us.end());
    }
}

Result<> run_slices(Run& run, const Stage& stage, const TrafficScenario& scenario, const Path& path,
                    const std::vector<Site*>& sites) {
    std::vector<std::unique_ptr<Workload>> workloads;
    std::vector<Visited> modes;
    for (const Site* site : sites) {
        auto workload = scenario.open(*site, path);
        if (!workload)
            return fail_because(workload.error(), "mode {}", site->mode().name);
        modes.push_back({site->mode().name, workload->get()});
        workloads.push_back(std::move(*workload));
    }
    auto rates = take_turns(modes, run.turns);
    if (!rates)
        return tl::unexpected(rates.error());
    Row& row = run.results.row(scenario.name, stage.name, path.name, scenario.unit);
    row.per_round = 2 * run.turns.count;
    for (const auto& [mode, values] : *rates) {
        run.results.method.slices += values.size();
        for (const double rate : values)
            row.samples[mode].push_back(scenario.value_of(rate));
    }
    return {};
}

Result<> run_windows(Run& run, const Stage& stage, const TrafficScenario& scenario, const Path& path,
                     const std::vector<Site*>& sites, Pool& pool) {
    std::vector<Site*> way = sites;
    way.insert(way.end(), sites.rbegin(), sites.rend());
    for (const Site* site : way) {
        auto reading = measure(run, scenario, *site, path);
        if (!reading)
            return tl::unexpected(reading.error());
        record(run, scenario, stage, path, site->mode().name, std::move(*reading), pool);
        if (stop_requested())
            break;  // the next step says so
    }
    return {};
}

Result<> run_round(Run& run, const Stage& stage, size_t round, Pool& pool) {
    for (const Path& path : paths_of(run, stage))
        for (const TrafficScenario& scenario : traffic_scenarios()) {
            std::vector<Site*> sites;
            for (const auto& site : run.sites)
                if (takes(scenario, path) && measures(run, scenario, *site, round))
                    sites.push_back(site.get());
            if (sites.empty())
                continue;
            if (auto done = run.step(fmt::format("{}, {}: {} (round {} of {})", scenario.name, path.name, stage.name,
                                                 round + 1, stage.rounds),
                                     measurement_seconds(run, scenario) * static_cast<double>(sites.size()));
                !done)
                return done;
            auto done = scenario.in_slices() ? run_slices(run, stage, scenario, path, sites)
                                             : run_windows(run, stage, scenario, path, sites, pool);
            if (!done)
                return fail_because(done.error(), "{} {}", scenario.name, path.name);
        }
    return {};
}

constexpr double kFillSeconds = 4;

bool fills(const Run& run, const Site& site) {
    return !run.smoke && site.mode().remembers_flows();
}

// What remembers flows is full from the first measurement on, as it is on a node that has been up for a day.
Result<> fill(Run& run) {
    constexpr uint64_t kFlows = uint64_t{CATFLAP_MAX_FLOWS} * 5 / 4;
    constexpr uint64_t kAtMostNs = 30 * kSecondNs;
    for (const auto& site : run.sites) {
        if (!fills(run, *site))
            continue;
        if (auto done = run.step("new flows: filling what remembers them", kFillSeconds); !done)
            return done;
        if (auto done = fill_with_flows(*site, kAcrossNodes, kFlows, kAtMostNs); !done)
            return fail_because(done.error(), "mode {}", site->mode().name);
    }
    return {};
}

Result<> enter_stage(Run& run, const Stage& stage) {
    for (const auto& site : run.sites) {
        if (stage.scale.pods_on_node > 1)
            if (auto done = site->add_near_pods(); !done)
                return done;
        if (auto done = site->park(parked_pods(stage.scale)); !done)
            return done;
    }
    auto files = manifests_of(stage.scale);
    if (stage.name == kFirstStage) {
        auto mixed = files;
        mixed["mixed.yaml"] = mixed_policy_text();
        if (auto done = put_source(run, mixed); !done)
            return done;
        const auto probes = mixed_probes();
        if (auto done = run.step(fmt::format("comparing {} verdicts", probes.size()), 1); !done)
            return done;
        if (auto done = compare_verdicts(run.sites, probes); !done)
            return done;
        run.results.method.verdicts += probes.size();
    }
    if (auto done = put_source(run, files); !done)
        return done;
    const auto probes = stage_probes(stage.scale.pods_on_node == 1);
    if (auto done = compare_verdicts(run.sites, probes); !done)
        return done;
    run.results.method.verdicts += probes.size();
    return {};
}

double setup_seconds(const Stage& stage) {
    return 2 + static_cast<double>(stage.scale.policies_in_cluster) / 200 +
           static_cast<double>(stage.scale.set_addresses) / 5000;
}

bool wants_traffic(const Run& run) {
    return std::ranges::any_of(traffic_scenarios(), [&](const auto& scenario) { return run.wants(scenario.name); });
}

}  // namespace

Result<> Run::step(const std::string& what, double planned_seconds) {
    if (stop_requested())
        return fail("stopped");
    progress.step(what, planned_seconds);
    return {};
}

bool Run::late(double share) const {
    const double promised_s = quick ? 180 : 45 * 60;
    return progress.elapsed() > share * promised_s;
}

Site* Run::site(const std::string& mode) const {
    const auto found = std::ranges::find_if(sites, [&](const auto& site) { return site->mode().name == mode; });
    return found == sites.end() ? nullptr : found->get();
}

Result<> put_source(Run& run, const std::map<std::string, std::string>& files) {
    const fs::path source = run.laboratory.source();
    std::error_code error;
    for (const auto& [name, text] : files)
        if (!fs::exists(source / name) || read_text(source / name) != text)
            if (auto done = replace_text(source / name, text); !done)
                return done;
    std::vector<fs::path> gone;
    for (const auto& entry : fs::directory_iterator(source, error))
        if (!files.contains(entry.path().filename()))
            gone.push_back(entry.path());
    for (const fs::path& path : gone)
        fs::remove(path, error);
    for (const auto& site : run.sites)
        if (auto done = site->settle(); !done)
            return done;
    return {};
}

Result<> run_traffic(Run& run, const std::vector<Stage>& stages) {
    if (!wants_traffic(run) && !run.smoke && !run.wants("update"))
        return {};
    Pool pool;
    for (const Stage& stage : stages) {
        if (auto done = run.step(fmt::format("laying out: {}", stage.name), setup_seconds(stage)); !done)
            return done;
        if (auto done = enter_stage(run, stage); !done)
            return fail_because(done.error(), "stage {}", stage.name);
        if (!wants_traffic(run))
            break;
        if (&stage == &stages.front())
            if (auto done = fill(run); !done)
                return done;
        for (size_t round = 0; round < stage.rounds && (round == 0 || !run.late(kTrafficShare)); ++round)
            if (auto done = run_round(run, stage, round, pool); !done)
                return fail_because(done.error(), "stage {}", stage.name);
    }
    for (auto& [path, modes] : pool)
        for (auto& [mode, latencies] : modes) {
            std::ranges::sort(latencies);
            for (const double quantile : kQuantiles)
                run.results.latency_curves[path][mode].push_back(quantile_of_sorted(latencies, quantile));
        }
    return {};
}

double planned_seconds(const Run& run, const std::vector<Stage>& stages) {
    const auto filled = std::ranges::count_if(run.sites, [&](const auto& site) { return fills(run, *site); });
    double seconds = kFillSeconds * static_cast<double>(filled);
    for (const Stage& stage : stages) {
        seconds += setup_seconds(stage);
        for (size_t round = 0; round < stage.rounds; ++round)
            for (const TrafficScenario& scenario : traffic_scenarios())
                for (const auto& site : run.sites)
                    if (measures(run, scenario, *site, round))
                        seconds +=
                            static_cast<double>(paths_of(run, stage).size()) * measurement_seconds(run, scenario);
    }
    return seconds;
}

}  // namespace catflap::bench
