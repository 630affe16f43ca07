// SPDX-License-Identifier: Apache-2.0
#include "bench/clock.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <ctime>
#include <fstream>
#include <iterator>

namespace catflap::bench {
namespace {

std::string read_proc_stat() {
    std::ifstream file("/proc/stat");
    return {std::istreambuf_iterator<char>(file), {}};
}

uint64_t involuntary_switches() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return static_cast<uint64_t>(usage.ru_nivcsw);
}

}  // namespace

uint64_t now_ns() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<uint64_t>(time.tv_sec) * kSecondNs + static_cast<uint64_t>(time.tv_nsec);
}

int cpu_count() {
    return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}

Result<> pin_to_cpu(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<size_t>(cpu), &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        return fail_errno(errno, "pin to CPU {}", cpu);
    return {};
}

uint64_t steal_ns(std::string_view proc_stat, int cpu) {
    const std::string name = fmt::format("cpu{} ", cpu);
    size_t begin = proc_stat.starts_with(name) ? 0 : proc_stat.find("\n" + name);
    if (begin == std::string_view::npos)
        return 0;
    begin += begin == 0 ? 0 : 1;
    std::string_view line = proc_stat.substr(begin, proc_stat.find('\n', begin) - begin);
    // cpuN user nice system idle iowait irq softirq steal
    for (int field = 0; field < 8; ++field) {
        const size_t space = line.find(' ');
        if (space == std::string_view::npos)
            return 0;
        line.remove_prefix(space + 1);
    }
    uint64_t ticks = 0;
    std::from_chars(line.data(), line.data() + line.size(), ticks);
    return ticks * (kSecondNs / static_cast<uint64_t>(sysconf(_SC_CLK_TCK)));
}

// Steal is counted in ticks of 10 ms, so one tick of a short window says little: more than one, and more than 3 %.
bool Window::undisturbed() const {
    constexpr double kTolerated = 0.03;
    constexpr double kTickNs = 10e6;
    const bool stolen = steal > kTolerated && steal * static_cast<double>(ns) > 1.5 * kTickNs;
    const double switches_per_second = static_cast<double>(involuntary_switches) / (seconds() > 0 ? seconds() : 1);
    return !stolen && switches_per_second < 150;
}

Stopwatch::Stopwatch(int cpu)
    : cpu_(cpu),
      steal_ns_(steal_ns(read_proc_stat(), cpu)),
      switches_(bench::involuntary_switches()),
      begin_ns_(now_ns()) {}

Window Stopwatch::stop() const {
    Window window;
    window.ns = elapsed_ns();
    window.involuntary_switches = bench::involuntary_switches() - switches_;
    const uint64_t stolen = steal_ns(read_proc_stat(), cpu_) - steal_ns_;
    window.steal = window.ns == 0 ? 0 : static_cast<double>(stolen) / static_cast<double>(window.ns);
    return window;
}

}  // namespace catflap::bench
