// SPDX-License-Identifier: Apache-2.0
// catflapd, the node agent.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>

#include "agent/agent.h"
#include "agent/config_file.h"
#include "agent/sources.h"
#include "base/exit_code.h"
#include "base/log_limit.h"
#include "control/node_lock.h"
#include "metrics/server.h"
#include "source/directory/directory.h"

namespace {

using namespace catflap;
using namespace catflap::agent;

// Of this node alone: the names of pods and policies are not for everybody.
constexpr const char* kMetricsAddress = "127.0.0.1:9473";

std::string host_name() {
    std::array<char, 256> name{};
    gethostname(name.data(), name.size() - 1);
    return name.data();
}

// Its own words for it, with the values as numbers, are left out of the help.
template <class Value>
CLI::Validator one_of(const std::map<std::string, Value>& values) {
    return CLI::CheckedTransformer(values).description("");
}

void define(CLI::App& app, Options& options) {
    app.set_version_flag("--version", "catflapd " CATFLAP_VERSION);
    app.set_config(
        "--config", "",
        "a file with the names of these flags, as YAML (name: value) or as lines of name = value; it is read "
        "again when it changes, and on SIGHUP");
    app.config_formatter(std::make_shared<ConfigFile>());
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.add_option("--source", options.source_dir, "directory of Kubernetes manifests to enforce (watched)");
    app.add_flag("--in-cluster", options.in_cluster,
                 "enforce what the Kubernetes API holds, by the service account of the pod that catflapd runs in");
    app.add_option("--kubeconfig", options.kubeconfig, "the same, by this kubeconfig");
    app.add_option("--context", options.context, "context of the kubeconfig (default: its current one)");
    app.add_option("--api-server", options.api_server,
                   "URL of the API server, instead of the one that environment or kubeconfig name");
    app.add_option("--lease-namespace", options.lease_namespace,
                   "namespace of the Lease by which catflap status --cluster knows that this agent lives")
        ->capture_default_str();
    app.add_option("--lease-seconds", options.lease_seconds,
                   "so long a renewal of that Lease counts; it is renewed three times within. 0: no Lease")
        ->capture_default_str();
    app.add_option("--node", options.node, "name of this node (default: the host's name)");
    app.add_option("--mode", options.mode,
                   "ebpf; iptables: by chains and ipsets, as the engine that catflap replaces; audit: judge and count, "
                   "drop nothing")
        ->transform(one_of<Mode>({{"ebpf", Mode::ebpf}, {"iptables", Mode::iptables}, {"audit", Mode::audit}}))
        ->type_name("ebpf|iptables|audit");
    app.add_option("--iptables-backend", options.backend, "legacy or nft, of mode iptables (default: nft)")
        ->transform(one_of<iptables::Backend>({{"legacy", iptables::Backend::legacy}, {"nft", iptables::Backend::nft}}))
        ->type_name("legacy|nft");
    app.add_option(
           "--established", options.keep_established,
           "revoke: a policy change judges live connections again; keep: it leaves them alone, as mode iptables "
           "always does")
        ->transform(one_of<bool>({{"revoke", false}, {"keep", true}}))
        ->type_name("revoke|keep");
    app.add_option("--run-dir", options.run_dir,
                   "control socket, lock, and the last good version of everything that is enforced")
        ->capture_default_str();
    app.add_option("--pin-dir", options.pin_dir, "where programs and maps outlive the agent (bpffs)")
        ->capture_default_str();
    app.add_option_function<std::string>(
           "--interface-prefix",
           [&options](const std::string& text) {
               auto parsed = InterfacePrefixes::parse(text);
               if (!parsed)
                   throw CLI::ValidationError("--interface-prefix", parsed.error().message);
               options.interface_prefixes = std::move(*parsed);
           },
           "how the names of pods' interfaces begin, with commas between several: cali (Calico), eni (AWS VPC CNI), azv "
           "(Azure CNI), gke")
        ->default_str("cali")
        ->type_name("PREFIX[,PREFIX...]");
    app.add_option(
           "--guard", options.guard,
           "pods' interfaces stay closed until they are attached, also while no agent runs. auto: by BPF programs "
           "in netfilter where the kernel has them (6.4), else by a table of nftables; nft: by that table; off")
        ->transform(
            one_of<GuardWish>({{"auto", GuardWish::automatic}, {"nft", GuardWish::nft}, {"off", GuardWish::off}}))
        ->type_name("auto|nft|off");
    app.add_option("--attach", options.attach, "tcx or clsact (default: tcx where the kernel has it, 6.6)")
        ->transform(
            one_of<kernel::AttachMode>({{"tcx", kernel::AttachMode::tcx}, {"clsact", kernel::AttachMode::clsact}}))
        ->type_name("tcx|clsact");
    app.add_option(
           "--fast-path", options.fast_path,
           "flows between two pods of this node take a short way, past the node's stack. auto: where no rules of "
           "others would have seen them (default); on: in any case, and TCP, too; off")
        ->transform(one_of<engine::FastPathWish>({{"auto", engine::FastPathWish::automatic},
                                                  {"on", engine::FastPathWish::on},
                                                  {"off", engine::FastPathWish::off}}))
        ->type_name("auto|on|off");
    app.add_option("--early-drop", options.early_drop,
                   "what policy denies, and no connection has, is dropped on the interfaces by which it comes in from "
                   "other nodes. auto: tc where the kernel has TCX, 6.6 (default)")
        ->transform(one_of<engine::EarlyDropWish>({{"auto", engine::EarlyDropWish::automatic},
                                                   {"off", engine::EarlyDropWish::off},
                                                   {"tc", engine::EarlyDropWish::tc},
                                                   {"xdp-generic", engine::EarlyDropWish::xdp_generic},
                                                   {"xdp-native", engine::EarlyDropWish::xdp_native}}))
        ->type_name("auto|off|tc|xdp-generic|xdp-native");
    app.add_option(
           "--on-failure", options.on_failure,
           "closed: while a start fails, interfaces that no program judges stay closed (default); open: they are "
           "open, and everything on them passes")
        ->transform(one_of<OnFailure>({{"closed", OnFailure::closed}, {"open", OnFailure::open}}))
        ->type_name("closed|open");
    app.add_option("--metrics", options.metrics,
                   "ADDRESS:PORT that serves /metrics, /healthz and /readyz, or off; SIGHUP reads it again")
        ->default_str(kMetricsAddress)
        ->type_name("ADDRESS:PORT|off");
    app.add_option("--metrics-rows", options.metrics_rows,
                   "so many endpoints, and so many policies, have series of their own at most; SIGHUP reads it again")
        ->capture_default_str();
    app.add_option(
           "--verify-interval", options.verify_interval_ms,
           "so often what is loaded is verified and mended, by 1 % of a CPU at most (default: 10s); 0: not by itself")
        ->transform(CLI::AsNumberWithUnit(std::map<std::string, int64_t>{{"ms", 1}, {"s", 1000}, {"m", 60'000}}))
        ->type_name("TIME");
    app.add_option("--log-level", options.log_level,
                   "least important lines to log (default: info); SIGHUP reads it again")
        ->transform(one_of<spdlog::level::level_enum>({{"debug", spdlog::level::debug},
                                                       {"info", spdlog::level::info},
                                                       {"warning", spdlog::level::warn},
                                                       {"error", spdlog::level::err}}))
        ->type_name("debug|info|warning|error");
    app.add_option("--log-format", options.log_format,
                   "text, for people; logfmt or json, with the time in UTC (default: text); SIGHUP reads it again")
        ->transform(
            one_of<LogFormat>({{"text", LogFormat::text}, {"logfmt", LogFormat::logfmt}, {"json", LogFormat::json}}))
        ->type_name("text|logfmt|json");
    app.add_flag(
        "--without-pods", options.without_pods,
        "start where the source holds no Pod of this node: everything on its interfaces is dropped until it does");
    app.add_flag("--check", options.check, "read the source, report every error, exit 0 or 1, touch nothing");
    app.add_flag("--remove", options.remove, "take away everything that catflap left on this node, and exit");
}

int fail_with(const Error& error) {
    fmt::print(stderr, "catflapd: {}\n", error.message);
    return error.code == EPERM || error.code == EACCES ? kNoAccess : kRefused;
}

int check(const Options& options) {
    const auto source = source::Directory::open(options.source_dir);
    if (!source)
        return fail_with(source.error());
    for (const auto& warning : source->warnings())
        fmt::print(stderr, "warning: {}\n", to_string(warning));
    for (const auto& refusal : source->refusals())
        fmt::print(stderr, "{}\n", to_string(refusal));
    fmt::print("{} policies, {} pods, {} refused\n", source->cluster().policies.size(), source->cluster().pods.size(),
               source->refusals().size());
    return source->refusals().empty() ? kDone : kRefused;
}

int remove(const Options& options) {
    // Beside an agent it would take away what that one takes for there.
    const auto alone = ControlServer::open(options.run_dir, [](const auto& request) { return request; });
    if (!alone)
        return fail_with(alone.error());
    const auto only = control::lock_network_namespace();
    if (!only)
        return fail_with(only.error());
    std::vector<uint32_t> interfaces;
    const auto links =
        LinkWatcher::open({.prefixes = options.interface_prefixes, .groups = {Guard::kJudged, Guard::kClosed}});
    if (!links)
        return fail_with(links.error());
    for (const auto& [ifindex, link] : links->links())
        interfaces.push_back(ifindex);
    auto guard = Guard::open(options.pin_dir, options.interface_prefixes);
    if (!guard)
        return fail_with(guard.error());
    if (const auto done = guard->remove(interfaces); !done)
        return fail_with(done.error());
    if (const auto done = engine::RealEngines::remove_all(options, interfaces); !done)
        return fail_with(done.error());
    std::error_code none;  // another start would hold on to what was
    std::filesystem::remove(options.run_dir / kCacheName, none);
    return kDone;
}

int serve(const Options& options, ReadOptions read_options) {
    engine::RealEngines engines;
    auto agent = Agent::open(options, std::move(read_options), engines);
    if (!agent)
        return fail_with(agent.error());
    if (const auto done = (*agent)->run(); !done)
        return fail_with(done.error());
    spdlog::info("stopped; what is enforced stays enforced");
    return kDone;
}

// Those of the command line, and of the file that it names.
void parse(CLI::App& app, int argc, char** argv, Options& options) {
    define(app, options);
    options.metrics = kMetricsAddress;
    for (int i = 1; i + 1 < argc; ++i)  // before it is read: a change from here on is one
        if (std::string_view(argv[i]) == "--config")
            options.config_stamp = stamp_of(argv[i + 1]);
    app.parse(argc, argv);
    if (const CLI::Option* config = app.get_config_ptr(); config != nullptr && config->count() > 0)
        options.config = config->as<std::string>();
    if (options.config_stamp.is_empty())
        options.config_stamp = stamp_of(options.config);
    if (options.metrics == "off")
        options.metrics.clear();
    if (options.node.empty())
        options.node = host_name();
}

// What no retry can mend.
const char* wrong_use(const Options& options) {
    if (options.remove)
        return nullptr;
    if (const char* wrong = wrong_source(options))
        return wrong;
    if (options.check && options.source_dir.empty())
        return "--check reads a directory of manifests: give --source DIR";
    if (!options.metrics.empty() && !metrics::parse_listen_address(options.metrics))
        return "--metrics: give ADDRESS:PORT with the address in numbers, such as 127.0.0.1:9473 or [::1]:9473, or off";
    if (options.mode == Mode::iptables && !keeps_established(options))
        return "--established revoke: mode iptables cannot, since conntrack's verdict on a live connection is final "
               "there; leave the flag out, or choose mode ebpf";
    return nullptr;
}

ReadOptions reader(int argc, char** argv) {
    return [argc, argv]() -> Result<Options> {
        Options options;
        CLI::App app;
        try {
            parse(app, argc, argv, options);
        } catch (const CLI::ParseError& error) {
            return fail("read the options again: {}", error.what());
        }
        if (const char* wrong = wrong_use(options))
            return fail("read the options again: {}", wrong);
        return options;
    };
}

void open_log(const Options& options) {
    auto sink = limited(std::make_shared<spdlog::sinks::stderr_color_sink_st>());
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("catflapd", std::move(sink)));
    spdlog::set_formatter(make_formatter(options.log_format));
    spdlog::set_level(options.log_level);
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app(
        "catflapd enforces Kubernetes network policy on the interfaces of this node's pods, by eBPF or by iptables.");
    // As of catflap: `catflapd help`, `catflapd version`.
    const std::string_view word = argc == 2 ? argv[1] : "";
    try {
        if (word == "help" || word == "version") {
            define(app, options);
            app.parse(fmt::format("--{}", word));
        } else {
            parse(app, argc, argv, options);
        }
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kUsage;
    }
    if (const char* wrong = wrong_use(options)) {
        fmt::print(stderr, "catflapd: {}\n", wrong);
        return kUsage;
    }
    open_log(options);
    if (options.check)
        return check(options);
    if (geteuid() != 0) {
        fmt::print(stderr, "catflapd: this needs root (BPF, network administration): run it by root\n");
        return kNoAccess;
    }
    return options.remove ? remove(options) : serve(options, reader(argc, argv));
}
