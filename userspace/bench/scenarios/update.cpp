// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/update.h"

#include <unistd.h>

#include "bench/traffic/arrivals.h"
#include "bench/traffic/frames.h"

namespace catflap::bench {
namespace {

// A change that opens the server for far-stranger, and back.
struct Change {
    std::string name;
    std::map<std::string, std::string> before;  // files of the whole source
    std::string file;
    std::string opened;
    std::string closed;  // "": the file is not there
    size_t repeats;
    double patience_s;
};

constexpr size_t kSets = 100;
constexpr uint64_t kFlows = 100'000;  // conntrack has room for them

std::string stranger_text(const std::string& more_labels) {
    return pod_text(kFarStranger.name, kFarStranger.node, kFarStranger.address,
                    fmt::format("role: stranger, name: {}{}", kFarStranger.name, more_labels));
}

// far-stranger in a file of its own, so that its labels can change alone.
std::map<std::string, std::string> without_stranger(std::map<std::string, std::string> files) {
    std::string& base = files["base.yaml"];
    const std::string text = stranger_text("");
    if (const size_t at = base.find(text); at != std::string::npos)
        base.erase(at, text.size());
    files["stranger.yaml"] = text;
    return files;
}

Change one_pod(size_t repeats) {
    auto files = without_stranger(manifests_of({1, 1, 10, 10}));
    std::string labels;
    for (size_t i = 0; i < kSets; ++i) {
        files["sets.yaml"] += policy_text(fmt::format("set-{:03}", i), "{matchLabels: {role: server}}",
                                          fmt::format("{{podSelector: {{matchLabels: {{set-{}: \"yes\"}}}}}}", i));
        labels += fmt::format(", set-{}: \"yes\"", i);
    }
    return {kOnePod, files, "stranger.yaml", stranger_text(labels), stranger_text(""), repeats, 20};
}

Change one_policy(size_t repeats) {
    return {kOnePolicy,
            manifests_of({1, 1, 10, 10}),
            "opens.yaml",
            policy_text("opens", "{matchLabels: {role: server}}", "{podSelector: {matchLabels: {role: stranger}}}"),
            "",
            repeats,
            20};
}

// 100,000 pods of one label; the policy admits them, and the strangers with them.
Change large_policy(size_t repeats, size_t addresses) {
    return {kLargePolicy,
            manifests_of({1, 1, addresses, 250}),
            "opens.yaml",
            policy_text("opens", "{matchExpressions: [{key: role, operator: In, values: [server, parked]}]}",
                        "{podSelector: {matchExpressions: [{key: role, operator: In, values: [client, stranger]}]}}"),
            "",
            repeats,
            60};
}

class Prober {
  public:
    static Result<Prober> open(const Site& site) {
        auto arrivals = Arrivals::make();
        if (!arrivals)
            return tl::unexpected(arrivals.error());
        auto sockets = counting_sockets(site, kServer, *arrivals);
        auto sender = FrameSender::open(site, kFarStranger, kFlows);
        if (!sockets || !sender)
            return tl::unexpected(!sockets ? sockets.error() : sender.error());
        return Prober{std::move(*arrivals), std::move(*sockets), std::move(*sender)};
    }

    // ms until the first packet arrives; fails where none does.
    Result<double> wait(uint64_t begin_ns, double patience_s) {
        const uint64_t end = begin_ns + static_cast<uint64_t>(patience_s * 1e9);
        for (const uint64_t before = arrivals_.count(); now_ns() < end;) {
            if (auto sent = sender_.send(1); !sent)
                return tl::unexpected(sent.error());
            if (arrivals_.count() != before)
                return static_cast<double>(now_ns() - begin_ns) / 1e6;
        }
        return fail("no packet arrived within {} s", patience_s);
    }

  private:
    Prober(Arrivals arrivals, std::vector<UniqueFd> sockets, FrameSender sender)
        : arrivals_(std::move(arrivals)), sockets_(std::move(sockets)), sender_(std::move(sender)) {}

    Arrivals arrivals_;
    std::vector<UniqueFd> sockets_;
    FrameSender sender_;
};

Result<> put(Run& run, const Change& change, const std::string& text) {
    const auto path = run.laboratory.source() / change.file;
    if (!text.empty())
        return replace_text(path, text);
    std::error_code error;
    std::filesystem::remove(path, error);
    return {};
}

// The other modes' agents see the change, too; they settle before the next.
Result<> once(Run& run, const Change& change, Site& site) {
    auto prober = Prober::open(site);
    if (!prober)
        return tl::unexpected(prober.error());
    const uint64_t begin = now_ns();
    if (auto done = put(run, change, change.opened); !done)
        return done;
    auto ms = prober->wait(begin, change.patience_s);
    if (!ms)
        return fail_because(ms.error(), "{} in mode {}", change.name, site.mode().name);
    run.results.add(kUpdate, change.name, "ms", site.mode().name, *ms);
    if (auto done = put(run, change, change.closed); !done)
        return done;
    if (auto done = site.settle(); !done)
        return done;
    return site.forget_connections();
}

std::vector<Change> changes(const Run& run) {
    if (run.smoke)
        return {one_policy(1)};
    if (run.quick)
        return {one_pod(10), one_policy(10), large_policy(2, 100'000)};
    return {one_pod(100), one_policy(100), large_policy(100, 100'000)};
}

constexpr size_t kSlowRepeats = 10;  // of engines that take seconds

size_t repeats_of(const Change& change, const Mode& mode) {
    return mode.name.starts_with("iptables") ? std::min(change.repeats, kSlowRepeats) : change.repeats;
}

// As it is guessed beforehand.
double seconds_of_one(const Change& change, const Mode& mode) {
    return change.name != kLargePolicy ? 0.05 : mode.name.starts_with("iptables") ? 2 : 0.5;
}
double seconds_of_mode(const Change& change, const Mode& mode) {
    const double start = change.name == kLargePolicy ? 4 : 0.5;
    return start + static_cast<double>(repeats_of(change, mode)) * seconds_of_one(change, mode);
}

// Only one mode's agents run while its updates are measured: the others would compete for its CPU.
Result<> measure_mode(Run& run, const Change& change, Site& site) {
    if (auto done = site.start_agents(run.catflapd); !done)
        return done;
    if (auto done = site.settle(); !done)
        return done;
    site.rest_agent(kNodeB);  // on a machine of its own it would not take this one's CPU
    const size_t repeats = repeats_of(change, site.mode());
    for (size_t i = 0; i < repeats && (i == 0 || !run.late()); ++i) {
        if (auto done =
                run.step(fmt::format("update: {}, {} ({} of {})", change.name, site.mode().name, i + 1, repeats),
                         seconds_of_one(change, site.mode()));
            !done)
            return done;
        if (auto done = once(run, change, site); !done)
            return done;
    }
    site.stop_agents();
    return {};
}

}  // namespace

double planned_update_seconds(const Run& run) {
    if (!run.wants(kUpdate))
        return 0;
    double seconds = 0;
    for (const Change& change : changes(run))
        for (const auto& site : run.sites)
            if (site->mode().enforces())
                seconds += seconds_of_mode(change, site->mode());
    return seconds;
}

Result<> run_update(Run& run) {
    if (!run.wants(kUpdate))
        return {};
    for (const auto& site : run.sites)
        site->stop_agents();
    for (const Change& change : changes(run)) {
        if (auto done = put_source(run, change.before); !done)
            return done;
        for (const auto& site : run.sites) {
            if (change.name == kLargePolicy)
                if (auto done = site->park(parked_pods({1, 1, 10, 250})); !done)
                    return done;
            if (!site->mode().enforces())
                continue;
            if (auto done = measure_mode(run, change, *site); !done)
                return fail_because(done.error(), "update");
        }
    }
    return {};
}

}  // namespace catflap::bench
