// SPDX-License-Identifier: Apache-2.0
// The harness's own clock: what a measurement's window was, and whether the machine was ours in it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace catflap::bench {

constexpr uint64_t kMillisecondNs = 1'000'000;
constexpr uint64_t kSecondNs = 1'000'000'000;

// CLOCK_MONOTONIC, ns.
uint64_t now_ns();

// The calling thread runs on this CPU only.
Result<> pin_to_cpu(int cpu);
int cpu_count();

// Time that the hypervisor gave to others while the CPU wanted to run, ns since boot, of one line "cpuN ..." in the
// text of /proc/stat. 0: no such line.
uint64_t steal_ns(std::string_view proc_stat, int cpu);

struct Window {
    uint64_t ns = 0;   // on the wall
    double steal = 0;  // share of it that the hypervisor took
    double taken = 0;  // share of it that this thread waited for its CPU, less what ksoftirqd used: packets are ours
    [[nodiscard]] double seconds() const { return static_cast<double>(ns) / 1e9; }
    // False: what was measured in it says more about the neighbours than about the code.
    [[nodiscard]] bool undisturbed() const;
};

// A window of the calling thread, which is pinned to `cpu`, from now on.
class Stopwatch {
  public:
    explicit Stopwatch(int cpu);
    [[nodiscard]] uint64_t elapsed_ns() const { return now_ns() - begin_ns_; }
    [[nodiscard]] Window stop() const;

  private:
    struct Waits {
        uint64_t waited_ns = 0;   // this thread, for a CPU
        uint64_t carried_ns = 0;  // ksoftirqd of this CPU ran
    };
    static Waits waits(int cpu);

    int cpu_;
    uint64_t steal_ns_;
    Waits waits_;
    uint64_t begin_ns_;
};

}  // namespace catflap::bench
