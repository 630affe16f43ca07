// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/churn.h"

#include <unistd.h>

#include <atomic>
#include <sstream>
#include <thread>

#include "bench/traffic/arrivals.h"
#include "bench/lab/control.h"
#include "bench/traffic/frames.h"
#include <nlohmann/json.hpp>

namespace catflap::bench {
namespace {

constexpr size_t kChangesPerSecond = 150;
constexpr size_t kChangingPods = 300;
constexpr uint64_t kFlows = 20'000;  // conntrack must have room for all of them

// Seconds of CPU that the process and the programs that it ran have used, user and system.
double cpu_seconds(pid_t pid) {
    const std::string stat = read_text(fmt::format("/proc/{}/stat", pid));
    std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
    std::string skipped;
    for (int i = 0; i < 11; ++i)
        fields >> skipped;
    double total = 0;
    for (int i = 0; i < 4; ++i) {  // utime, stime, cutime, cstime (proc(5))
        double part = 0;
        fields >> part;
        total += part;
    }
    return total / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double status_bytes(pid_t pid, const std::string& field) {
    const std::string status = read_text(fmt::format("/proc/{}/status", pid));
    const size_t at = status.find(field + ":");
    return at == std::string::npos ? 0 : 1024 * std::strtod(status.c_str() + at + field.size() + 1, nullptr);
}

// BPF maps in the process's address space: the kernel's memory, which its resident memory counts a second time.
double mapped_map_bytes(pid_t pid) {
    std::istringstream lines(read_text(fmt::format("/proc/{}/smaps", pid)));
    bool of_map = false;
    double kib = 0;
    for (std::string line; std::getline(lines, line);) {
        const bool is_field =
            line.find(':') < line.find(' ');  // "Rss:  4 kB", not "7f00-7f01 rw-s 00000000 00:0e 1 bpf-map"
        if (!is_field)
            of_map = line.find("bpf-map") != std::string::npos;
        else if (of_map && line.starts_with("Rss:"))
            kib += std::strtod(line.c_str() + 4, nullptr);
    }
    return 1024 * kib;
}

double churn_seconds(const Run& run) {
    return run.smoke ? 0.5 : run.quick ? 5 : 20;
}

struct Size {
    std::string name;
    Scale scale;
    size_t rounds;  // of iptables modes, which take minutes for the same: one
};
Size churn_size(const Run& run) {
    if (run.smoke)
        return {", 1 policy", {1, 1, 10, 10}, 1};
    if (run.quick)
        return {", 1,000 policies, 10,000 pods", {100, 1000, 10, 10}, 1};
    return {kFullChurn, {100, 10'000, 10, 250}, 4};
}

std::string changing_pod(size_t index, size_t version) {
    return pod_text(fmt::format("changing-{}", index), "node-c",
                    fmt::format("10.200.{}.{}", index / 200, 1 + index % 200),
                    fmt::format("peer: \"{}\"", version % 50));
}

// A pod moves from one set to another with every change.
Result<> change_pods(Run& run, double seconds) {
    const uint64_t begin = now_ns();
    for (size_t i = 0;; ++i) {
        const uint64_t due = begin + i * kSecondNs / kChangesPerSecond;
        if (due > begin + static_cast<uint64_t>(seconds * 1e9))
            return {};
        while (now_ns() < due)
            usleep(200);
        const size_t pod = i % kChangingPods;
        if (auto done = replace_text(run.laboratory.source() / fmt::format("changing-{}.yaml", pod),
                                     changing_pod(pod, i / kChangingPods + i));
            !done)
            return done;
    }
}

Result<> churn_of(Run& run, const Size& size, Site& site) {
    if (auto done = run.step(fmt::format("churn: {}, starting", site.mode().name), 10); !done)
        return done;
    if (auto done = site.start_agents(run.catflapd); !done)
        return done;
    if (auto done = site.settle(); !done)
        return done;
    site.rest_agent(kNodeB);
    const pid_t pid = site.agent_pid(kNodeA);
    if (auto done = run.step(fmt::format("churn: {} pod changes/s, {}", kChangesPerSecond, site.mode().name),
                             churn_seconds(run) + 2);
        !done)
        return done;
    const double before = cpu_seconds(pid);
    const uint64_t begin = now_ns();
    if (auto done = change_pods(run, churn_seconds(run)); !done)
        return done;
    // What it put off counts, too.
    if (auto done = site.settle(); !done)
        return done;
    const double seconds = static_cast<double>(now_ns() - begin) / 1e9;
    const auto add = [&](const std::string& what, const char* unit, double value) {
        run.results.add(kChurn, what + size.name, unit, site.mode().name, value);
    };
    add(kChurnCpu, "% of a CPU", (cpu_seconds(pid) - before) / seconds * 100);
    add(kChurnMemory, "bytes", status_bytes(pid, "VmRSS"));
    add(kChurnOwn, "bytes", status_bytes(pid, "VmRSS") - mapped_map_bytes(pid));
    site.stop_agents();
    return {};
}

// The same meaning under other names: by labels, and by addresses.
std::string replaced_policy(size_t version) {
    const std::string name = fmt::format("replaced-{}", version % 7);
    return version % 2 == 0
               ? policy_text(name, "{matchLabels: {role: server}}", "{podSelector: {matchLabels: {role: client}}}")
               : policy_text(name, "{matchLabels: {role: server}}",
                             "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.3/32, 10.2.0.3/32]}}");
}

struct Traffic {
    uint64_t sent = 0;
    uint64_t lost = 0;
    uint64_t let_through = 0;
};

// As much as one CPU carries, until told: a friend's packets, all of which must arrive, and a stranger's, none of
// which.
Result<Traffic> full_traffic(const Site& site, const std::atomic<bool>& stop) {
    auto arrivals = Arrivals::make();
    if (!arrivals)
        return tl::unexpected(arrivals.error());
    auto sockets = counting_sockets(site, kServer, *arrivals);
    auto friend_sender = FrameSender::open(site, kFarClient, kFlows);
    auto stranger_sender = FrameSender::open(site, kFarStranger, kFlows);
    if (!sockets || !friend_sender || !stranger_sender)
        return fail("no sockets for the traffic");
    Traffic traffic;
    for (uint64_t seen = arrivals->count(); !stop;) {
        auto sent = friend_sender->send();
        if (!sent)
            return tl::unexpected(sent.error());
        const uint64_t after_friend = arrivals->count();
        traffic.sent += *sent;
        traffic.lost += *sent - std::min(*sent, after_friend - seen);
        auto strange = stranger_sender->send();
        if (!strange)
            return tl::unexpected(strange.error());
        seen = arrivals->count();
        traffic.let_through += seen - after_friend;
    }
    return traffic;
}

size_t replacements(const Run& run) {
    return run.smoke ? 20 : run.quick ? 1000 : 10'000;
}

}  // namespace

double planned_churn_seconds(const Run& run) {
    double seconds = 0;
    if (run.wants(kChurn))
        for (const auto& site : run.sites)
            seconds += !site->mode().enforces() ? 0
                       : site->mode().name == kEbpf
                           ? static_cast<double>(churn_size(run).rounds) * (churn_seconds(run) + 5)
                           : churn_seconds(run) + 12;
    if (run.wants(kReplacement))
        seconds += static_cast<double>(replacements(run)) * 0.003 + 3;
    return seconds;
}

Result<> run_churn(Run& run) {
    if (!run.wants(kChurn))
        return {};
    for (const auto& site : run.sites)
        site->stop_agents();
    const Size size = churn_size(run);
    for (const auto& site : run.sites)
        if (site->mode().enforces())
            if (auto done = site->park(parked_pods(size.scale)); !done)
                return done;
    if (auto done = put_source(run, manifests_of(size.scale)); !done)
        return done;
    for (size_t i = 0; i < kChangingPods; ++i)
        if (auto done = replace_text(run.laboratory.source() / fmt::format("changing-{}.yaml", i), changing_pod(i, i));
            !done)
            return done;
    for (size_t round = 0; round < size.rounds && (round == 0 || !run.late()); ++round)
        for (const auto& site : run.sites) {
            if (!site->mode().enforces() || (site->mode().name != kEbpf && (run.quick || round != 0)))
                continue;
            if (auto done = churn_of(run, size, *site); !done)
                return fail_because(done.error(), "churn in mode {}", site->mode().name);
        }
    return {};
}

Result<> run_replacement(Run& run) {
    Site* site = run.site(kEbpf);
    if (!run.wants(kReplacement) || site == nullptr)
        return {};
    for (const auto& other : run.sites)
        other->stop_agents();
    auto files = manifests_of({1, 1, 10, 10});
    files["admit.yaml"] = replaced_policy(0);
    if (auto done = put_source(run, files); !done)
        return done;
    if (auto done = site->start_agents(run.catflapd); !done)
        return done;
    if (auto done = site->settle(); !done)
        return done;
    std::atomic<bool> stop{false};
    Result<Traffic> traffic = Traffic{};
    std::thread sender([&] { traffic = full_traffic(*site, stop); });  // on this thread's CPU
    (void)pin_to_cpu(0);
    Result<> changed;
    const size_t count = replacements(run);
    for (size_t i = 1; i <= count && changed; ++i) {
        if (i % 100 == 0)
            changed = run.step(fmt::format("replacement: {} of {}", i, count), 0.3);
        if (changed)
            changed = replace_text(run.laboratory.source() / "admit.yaml", replaced_policy(i));
        if (changed)
            changed = site->settle();
    }
    stop = true;
    sender.join();
    (void)pin_to_cpu(run.settings.cpu);
    site->stop_agents();
    if (!changed)
        return changed;
    if (!traffic)
        return tl::unexpected(traffic.error());
    run.results.add(kReplacement, kReplacements, "", kEbpf, static_cast<double>(count));
    run.results.add(kReplacement, kSent, "packets", kEbpf, static_cast<double>(traffic->sent));
    run.results.add(kReplacement, kLost, "packets", kEbpf, static_cast<double>(traffic->lost));
    run.results.add(kReplacement, kLetThrough, "packets", kEbpf, static_cast<double>(traffic->let_through));
    return {};
}

}  // namespace catflap::bench
