// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/clock.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

using namespace catflap::bench;

TEST_CASE("the clock goes forward, in nanoseconds") {
    const auto reference = std::chrono::steady_clock::now();  // around: however long this thread has to wait
    const uint64_t begin = now_ns();
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

TEST_CASE("what another thread takes of the CPU is told, and waiting for nothing is not") {
    const auto busy = [](uint64_t ns) {
        for (const uint64_t begin = now_ns(); now_ns() - begin < ns;)
            continue;
    };
    REQUIRE(pin_to_cpu(0));
    // Asleep is not waiting for a CPU; that others wait for it, too, is the machine's business: it may take some tries.
    double taken = 1;
    for (int tries = 0; tries < 200 && taken >= 0.5; ++tries) {
        const Stopwatch alone(0);
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        taken = alone.stop().taken;
    }
    CHECK(taken < 0.5);
    std::atomic<bool> over = false;
    std::thread other([&] {
        REQUIRE(pin_to_cpu(0));
        while (!over)
            continue;
    });
    taken = 0;
    for (int tries = 0; tries < 200 && taken <= 0.1; ++tries) {
        const Stopwatch shared(0);
        busy(100 * kMillisecondNs);
        taken = shared.stop().taken;
    }
    over = true;
    other.join();
    CHECK(taken > 0.1);
    CHECK(taken <= 1);
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
    Window window{.ns = 250 * kMillisecondNs, .steal = 0, .taken = 0.01};
    CHECK(window.undisturbed());
    window.steal = 0.04;  // one tick: below what /proc/stat can tell
    CHECK(window.undisturbed());
    window.steal = 0.2;
    CHECK_FALSE(window.undisturbed());
    window.steal = 0;
    window.taken = 0.1;
    CHECK_FALSE(window.undisturbed());
}
