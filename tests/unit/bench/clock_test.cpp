// SPDX-License-Identifier: Apache-2.0
#include "bench/clock.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

using namespace catflap::bench;

TEST_CASE("the clock goes forward, in nanoseconds") {
    const uint64_t begin = now_ns();
    const auto reference = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const uint64_t elapsed = now_ns() - begin;
    const auto expected =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - reference);
    CHECK(elapsed >= 20 * kMillisecondNs);
    CHECK(elapsed <= static_cast<uint64_t>(expected.count()) + 5 * kMillisecondNs);
}

TEST_CASE("a stopwatch knows its window") {
    const Stopwatch stopwatch(0);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const Window window = stopwatch.stop();
    CHECK(window.ns >= 20 * kMillisecondNs);
    CHECK(window.seconds() == doctest::Approx(static_cast<double>(window.ns) / 1e9));
    CHECK(window.steal >= 0);
}

TEST_CASE("steal is the eighth number of the CPU's line") {
    const std::string stat =
        "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 10 20 30 40 50 60 70 80 90 100\ncpu1 1 1 1 1 1 1 1 2 1 1\n";
    CHECK(steal_ns(stat, 0) == 80 * 10 * kMillisecondNs);
    CHECK(steal_ns(stat, 1) == 2 * 10 * kMillisecondNs);
    CHECK(steal_ns(stat, 2) == 0);
    CHECK(steal_ns("", 0) == 0);
}

TEST_CASE("a window that was taken away does not count") {
    Window window{.ns = 250 * kMillisecondNs, .steal = 0, .involuntary_switches = 2};
    CHECK(window.undisturbed());
    window.steal = 0.04;  // one tick: below what /proc/stat can tell
    CHECK(window.undisturbed());
    window.steal = 0.2;
    CHECK_FALSE(window.undisturbed());
    window.steal = 0;
    window.involuntary_switches = 100;
    CHECK_FALSE(window.undisturbed());
}
