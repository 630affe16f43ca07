// SPDX-License-Identifier: Apache-2.0
#include "metrics/histogram.h"

#include <doctest/doctest.h>

using namespace catflap::metrics;
using namespace std::chrono_literals;

TEST_CASE("a duration counts in the first bucket whose bound it does not exceed, and in all behind it") {
    Histogram histogram;
    histogram.observe(1ms);     // a bound itself
    histogram.observe(1001us);  // just above it
    histogram.observe(1h);      // above all
    histogram.observe(-1s);     // a clock that was set back
    constexpr size_t kOneMillisecond = 2;
    static_assert(Histogram::kBounds_s[kOneMillisecond] == 0.001);
    CHECK(histogram.cumulative(0) == 1);
    CHECK(histogram.cumulative(kOneMillisecond) == 2);
    CHECK(histogram.cumulative(kOneMillisecond + 1) == 3);
    CHECK(histogram.cumulative(Histogram::kBounds_s.size() - 1) == 3);
    CHECK(histogram.count() == 4);
    CHECK(histogram.sum_s() == doctest::Approx(3600.002001));
}
