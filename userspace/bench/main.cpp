// SPDX-License-Identifier: Apache-2.0
// catflap-bench, the benchmark harness.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/exit_code.h"
#include "bench/bench.h"
#include "bench/scenarios/scenario.h"

namespace {

using namespace catflap;
using namespace catflap::bench;

void define(CLI::App& app, Options& options) {
    app.set_version_flag("--version", CATFLAP_VERSION);
    app.add_flag("--quick", options.quick, "fewer stages and rounds: at most 3 minutes instead of 45");
    app.add_flag("--smoke", options.smoke,
                 "a few seconds: compares the verdicts of all modes and measures every traffic scenario once, briefly");
    app.add_option("--only", options.only, "these scenarios, with commas between them; see --list");
    app.add_option("--modes", options.modes, "these modes, with commas between them (default: all that run here)");
    app.add_option("--rounds", options.rounds, "rounds of every stage; each measures every mode twice, there and back");
    app.add_option("--out", options.out, "where results.json, report.md and the plots go")->capture_default_str();
    app.add_flag("--list", options.list, "the scenarios and modes, and exit");
    app.add_option("--report", options.report_of, "write the report of this results.json again, measure nothing");
    app.add_option("--plots", options.plots, "where the report looks for its plots (default: beside it)");
    app.add_option("--history", options.history, "add the run to this CSV, a line for each row of traffic");
    app.add_option("--programs", options.programs, "where catflapd is (default: beside this program)");
    app.add_option("--tree", options.tree, "the git tree whose revision the report names")->capture_default_str();
}

int list() {
    for (const ScenarioName& scenario : all_scenarios())
        fmt::print("{:12} {}\n", scenario.name, scenario.what);
    return kDone;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "catflap-bench compares what network policy costs with no engine, catflap's eBPF mode and its iptables modes:\n"
        "the same policies and the same traffic, in network namespaces of its own. It needs root.");
    define(app, options);
    for (CLI::Option* option : app.get_options())
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // over the script's defaults
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kUsage;
    }
    if (options.list)
        return list();
    if (options.programs.empty())
        options.programs = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    if (options.report_of.empty() && geteuid() != 0) {
        fmt::print(stderr, "catflap-bench: network namespaces and BPF need root\n");
        return kNoAccess;
    }
    const auto done = options.report_of.empty() ? run_bench(options) : report_again(options);
    if (!done) {
        fmt::print(stderr, "catflap-bench: {}\n", done.error().message);
        return kRefused;
    }
    return kDone;
}
