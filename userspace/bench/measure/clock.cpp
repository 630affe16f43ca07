// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/clock.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

namespace catflap::bench {
namespace {

std::string read_proc_stat() {
    std::ifstream file("/proc/stat");
    return {std::istreambuf_iterator<char>(file), {}};
}

// The thread of the kernel that carries packets on where a softirq took too long; "": not to be seen from here.
std::string ksoftirqd_of(int cpu) {
    const std::string wanted = fmt::format("ksoftirqd/{}\n", cpu);
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        std::ifstream file(entry.path() / "comm");
        const std::string name{std::istreambuf_iterator<char>(file), {}};
        if (name == wanted)
            return entry.path();
    }
    return "";
}

// Of a thread, in ns: what it ran, and what it waited for a CPU while others ran (kernel: Documentation/scheduler/
// sched-stats.rst).
struct Schedule {
    uint64_t ran = 0;
    uint64_t waited = 0;
};
Schedule schedule_of(const std::string& thread) {
    Schedule schedule;
    std::ifstream file(thread + "/schedstat");
    file >> schedule.ran >> schedule.waited;
    return schedule;
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
    return !stolen && taken <= kTolerated;
}

Stopwatch::Stopwatch(int cpu)
    : cpu_(cpu), steal_ns_(steal_ns(read_proc_stat(), cpu)), waits_(waits(cpu)), begin_ns_(now_ns()) {}

Stopwatch::Waits Stopwatch::waits(int cpu) {
    static thread_local std::map<int, std::string> carriers;
    const auto [carrier, fresh] = carriers.try_emplace(cpu);
    if (fresh)
        carrier->second = ksoftirqd_of(cpu);
    return {schedule_of("/proc/thread-self").waited, carrier->second.empty() ? 0 : schedule_of(carrier->second).ran};
}

Window Stopwatch::stop() const {
    Window window;
    window.ns = elapsed_ns();
    const Waits now = waits(cpu_);
    const uint64_t waited = now.waited_ns - waits_.waited_ns;
    const uint64_t carried = std::min(waited, now.carried_ns - waits_.carried_ns);
    window.taken = window.ns == 0 ? 0 : static_cast<double>(waited - carried) / static_cast<double>(window.ns);
    const uint64_t stolen = steal_ns(read_proc_stat(), cpu_) - steal_ns_;
    window.steal = window.ns == 0 ? 0 : static_cast<double>(stolen) / static_cast<double>(window.ns);
    return window;
}

}  // namespace catflap::bench
