// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.h"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/churn.h"
#include "bench/environment.h"
#include "bench/load.h"
#include "bench/micro.h"
#include "bench/netns.h"
#include "bench/traffic_run.h"
#include "bench/update.h"

namespace catflap::bench {
namespace {

namespace fs = std::filesystem;

// Both stop signals only set a flag; every step looks at it, so that the laboratory is always cleared away.
volatile std::sig_atomic_t stopped = 0;
void stop(int) {
    stopped = 1;
}

void prepare_process() {
    struct sigaction action {};
    action.sa_handler = stop;  // without SA_RESTART: what waits fails with EINTR, and the run ends
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        sigaction(signal, &action, nullptr);
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
    return choose_modes(available_modes(*help, has_legacy), options.modes);
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
    Run run{**laboratory, catflapd, {}, {}, *only, options.quick, options.smoke, {}, Progress(isatty(2) == 1)};
    run.settings.cpu = cpu_count() - 1;
    run.settings.window_ns = (options.smoke ? 10 : options.quick ? 60 : 250) * kMillisecondNs;
    const auto plan = stages(options.quick, options.smoke, options.rounds);
    for (const Mode& mode : *modes) {
        auto site = Site::build(**laboratory, mode, run.sites.size());
        if (!site)
            return tl::unexpected(site.error());
        run.sites.push_back(std::move(*site));
        run.results.modes.push_back(mode.name);
    }
    run.progress.plan(planned_seconds(run, plan) + planned_micro_seconds(run) + planned_load_seconds(run) +
                      planned_update_seconds(run) + planned_churn_seconds(run));
    for (const auto& [name, text] : manifests_of(plan.front().scale))
        if (auto done = replace_text((*laboratory)->source() / name, text); !done)
            return done;
    for (const auto& site : run.sites)
        if (auto done = site->start_agents(catflapd); !done)
            return done;
    if (auto done = pin_to_cpu(run.settings.cpu); !done)
        return done;
    if (auto done = run_traffic(run, plan); !done)
        return done;
    for (const auto part : {run_micro, run_load, run_update, run_churn, run_replacement})
        if (auto done = part(run); !done)
            return done;
    fs::create_directories(options.out);
    return write_text(options.out / "results.json", to_json(run.results).dump(1));
}

Result<> report_again(const Options&) {
    return {};
}

}  // namespace catflap::bench
