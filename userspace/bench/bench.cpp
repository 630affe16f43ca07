// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/scenarios/churn.h"
#include "bench/measure/environment.h"
#include "bench/report/goals.h"
#include "bench/lab/floor.h"
#include "bench/lab/interrupt.h"
#include "bench/scenarios/load.h"
#include "bench/micro/micro.h"
#include "bench/lab/netns.h"
#include "bench/report/report.h"
#include "bench/traffic/traffic_run.h"
#include "bench/scenarios/update.h"

namespace catflap::bench {
namespace {

namespace fs = std::filesystem;

void prepare_process() {
    catch_stop_signals();
    const rlimit files{65536, 65536};
    setrlimit(RLIMIT_NOFILE, &files);
    (void)setpriority(PRIO_PROCESS, 0, -20);
}

Result<std::set<std::string>> chosen_scenarios(const std::string& names) {
    std::set<std::string> chosen;
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');) {
        const auto all = all_scenarios();
        if (std::ranges::find(all, name, &ScenarioName::name) == all.end())
            return fail("there is no scenario '{}'; see --list", name);
        chosen.insert(name);
    }
    return chosen;
}

Result<std::vector<Mode>> modes_here(const Options& options, const fs::path& catflapd) {
    auto help = bench::run({catflapd, "--help"});
    if (!help)
        return tl::unexpected(help.error());
    const bool has_legacy = bench::run({"unshare", "--net", "iptables-legacy", "-t", "nat", "-L", "-n"}).has_value();
    return choose_modes(available_modes(*help, {has_legacy, can_lay_floor()}), options.modes);
}

struct Moment {
    uint64_t at_ns = 0;
    uint64_t steal = 0;
};
Moment moment() {
    const std::string stat = read_text("/proc/stat");
    Moment result{now_ns(), 0};
    for (int cpu = 0; cpu < cpu_count(); ++cpu)
        result.steal += steal_ns(stat, cpu);
    return result;
}
double steal_since(const Moment& start) {
    const Moment now = moment();
    const auto capacity = static_cast<double>(now.at_ns - start.at_ns) * cpu_count();
    return static_cast<double>(now.steal - start.steal) / capacity;
}

std::string summary(const Run& run, const fs::path& out) {
    const Results& results = run.results;
    if (run.smoke)
        return fmt::format("All modes judge alike ({} verdicts each), and {} measurements work: {}",
                           results.method.verdicts, results.method.slices + results.method.measurements,
                           fmt::join(results.modes, ", "));
    std::string text;
    for (const Goal& goal : goals(results))
        if (goal.reached != Reached::unmeasured)
            text +=
                fmt::format("{:14} {:75} {:12} {}\n", to_string(goal.reached), goal.what, goal.target, goal.measured);
    return text + fmt::format("The report: {}", (out / "report.md").string());
}

// Every part in its order; what is needed is laid out first.
Result<> measure_all(Run& run, const Options& options, const std::vector<Mode>& modes) {
    const auto plan = stages(options.quick, options.smoke, options.rounds);
    for (const Mode& mode : modes) {
        auto site = Site::build(run.laboratory, mode, run.sites.size());
        if (!site)
            return tl::unexpected(site.error());
        run.sites.push_back(std::move(*site));
        run.results.modes.push_back(mode.name);
    }
    run.progress.plan(planned_seconds(run, plan) + planned_micro_seconds(run) + planned_load_seconds(run) +
                      planned_update_seconds(run) + planned_churn_seconds(run));
    for (const auto& [name, text] : manifests_of(plan.front().scale))
        if (auto done = replace_text(run.laboratory.source() / name, text); !done)
            return done;
    for (const auto& site : run.sites)
        if (auto done = site->start_agents(run.catflapd); !done)
            return done;
    if (auto done = pin_to_cpu(run.settings.cpu); !done)
        return done;
    if (auto done = run_traffic(run, plan); !done)
        return done;
    for (const auto part : {run_micro, run_load, run_update, run_churn, run_replacement})
        if (auto done = part(run); !done)
            return done;
    return {};
}

// The last words of the agents: what went wrong is often there.
std::string log_tails(const fs::path& directory) {
    constexpr size_t kTail = 800;
    std::string text;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
        const std::string log = read_text(entry.path());
        text += fmt::format("--- {}\n{}\n", entry.path().filename().string(),
                            log.size() > kTail ? log.substr(log.size() - kTail) : log);
    }
    return text;
}

}  // namespace

Result<> run_bench(const Options& options) {
    prepare_process();
    const fs::path catflapd = options.programs / "catflapd";
    auto only = chosen_scenarios(options.only);
    auto modes = modes_here(options, catflapd);
    if (!only || !modes)
        return tl::unexpected(!only ? only.error() : modes.error());
    auto laboratory = Laboratory::start();
    if (!laboratory)
        return tl::unexpected(laboratory.error());
    // Held open: a build that goes on beside the run puts another file in its place, and must not exchange what is
    // measured.
    const UniqueFd program_fd(open(catflapd.c_str(), O_RDONLY | O_CLOEXEC));
    if (!program_fd)
        return fail_errno(errno, "open {}", catflapd.string());
    const std::string program = fmt::format("/proc/{}/fd/{}", getpid(), program_fd.get());
    Run run{**laboratory, program, {}, {}, {}, *only, options.quick, options.smoke, {}, Progress(isatty(2) == 1)};
    const Moment start = moment();
    run.results.environment = describe_environment(options.tree);
    if (options.modes.empty() && std::ranges::find(*modes, kLegacy, &Mode::name) == modes->end())
        run.results.environment["left out"] = "iptables-legacy: not installed, or not in this kernel";
    run.results.quick = options.quick || options.smoke;
    run.settings.cpu = cpu_count() - 1;
    run.turns.count = options.smoke ? 1 : 25;
    run.settings.window_ns = (options.smoke ? 10 : options.quick ? 30 : 250) * kMillisecondNs;
    if (auto done = measure_all(run, options, *modes); !done) {
        if (!stop_requested())
            run.progress.say(log_tails((*laboratory)->directory() / "log"));
        return done;
    }
    run.results.method.seconds = run.progress.elapsed();
    run.results.method.steal = steal_since(start);
    if (auto done = write_report(run.results, {options.out, options.plots, options.history}); !done)
        return done;
    run.progress.say(summary(run, options.out));
    return {};
}

Result<> report_again(const Options& options) {
    const auto json = nlohmann::json::parse(read_text(options.report_of), nullptr, false);
    if (json.is_discarded())
        return fail("{} holds no results", options.report_of);
    return write_report(results_from_json(json), {options.out, options.plots, options.history});
}

}  // namespace catflap::bench
