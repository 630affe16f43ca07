// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/statistics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace catflap::bench;

namespace {

// A machine whose speed drifts: what both of a round share, and noise of their own.
struct Drifting {
    std::vector<double> one;
    std::vector<double> other;
};

Drifting drifting(size_t rounds, double true_ratio, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(0, 0.01);
    Drifting result;
    for (size_t i = 0; i < rounds; ++i) {
        const double machine = 1e6 * (1 + 0.3 * std::sin(static_cast<double>(i)));
        result.one.push_back(machine * true_ratio * (1 + noise(random)));
        result.other.push_back(machine * (1 + noise(random)));
    }
    return result;
}

}  // namespace

TEST_CASE("quantiles of known samples") {
    CHECK(median_of({}) == 0);
    CHECK(median_of({3}) == 3);
    CHECK(median_of({5, 1, 3}) == 3);
    CHECK(median_of({4, 1, 3, 2}) == 2.5);
    std::vector<double> hundred;
    for (int i = 100; i >= 0; --i)
        hundred.push_back(i);
    CHECK(quantile_of(hundred, 0.99) == doctest::Approx(99));
    CHECK(quantile_of(hundred, 0.999) == doctest::Approx(99.9));
    CHECK(quantile_of(hundred, 0) == 0);
    CHECK(quantile_of(hundred, 1) == 100);
}

TEST_CASE("a median is not moved by an outlier, and its interval holds it") {
    const std::vector<double> samples = {10, 11, 9, 10, 12, 10, 1e9};
    const Estimate estimate = estimate_median(samples);
    CHECK(estimate.value == 10);
    CHECK(estimate.samples == 7);
    CHECK(estimate.interval.contains(10));
    CHECK(estimate.interval.low >= 9);
}

TEST_CASE("equal samples have an interval of no width") {
    const std::vector<double> samples(20, 7.0);
    const Estimate estimate = estimate_median(samples);
    CHECK(estimate.interval.low == 7);
    CHECK(estimate.interval.high == 7);
}

TEST_CASE("the same seed gives the same interval") {
    const Drifting runs = drifting(12, 1, 5);
    const Estimate one = estimate_median(runs.one);
    const Estimate again = estimate_median(runs.one);
    CHECK(one.interval.low == again.interval.low);
    CHECK(one.interval.high == again.interval.high);
}

TEST_CASE("pairs cancel what both of a round met: a ratio is found in noise that is much larger") {
    const Drifting runs = drifting(20, 0.97, 3);
    const Estimate ratio = estimate_ratio(runs.one, runs.other);
    CHECK(ratio.value == doctest::Approx(0.97).epsilon(0.01));
    CHECK(ratio.interval.contains(0.97));
    CHECK(ratio.interval.high < 1);
    const Estimate alone = estimate_median(runs.one);
    CHECK((alone.interval.high - alone.interval.low) / alone.value > 0.1);  // what an unpaired comparison would see
}

TEST_CASE("A against A: about 95 of 100 intervals contain 1") {
    int contained = 0;
    for (unsigned seed = 0; seed < 200; ++seed) {
        const Drifting runs = drifting(16, 1, seed);
        contained += estimate_ratio(runs.one, runs.other, 1, seed).interval.contains(1) ? 1 : 0;
    }
    CHECK(contained >= 180);
    CHECK(contained <= 200);
}

TEST_CASE("samples of one round resemble each other: the interval is as wide as the rounds differ") {
    std::mt19937 random(5);
    std::normal_distribution<double> of_round(1, 0.02), of_sample(0, 0.001);
    int contained = 0;
    for (int run = 0; run < 60; ++run) {
        std::vector<double> samples;
        for (int round = 0; round < 12; ++round) {
            const double level = of_round(random);
            for (int i = 0; i < 50; ++i)
                samples.push_back(level + of_sample(random));
        }
        const Estimate estimate = estimate_median(samples, 50);
        CHECK(estimate.samples == 12);
        CHECK(estimate.interval.contains(estimate.value));
        contained += estimate.interval.contains(1) ? 1 : 0;
    }
    CHECK(contained >= 50);
}

TEST_CASE("a pair of which one was not measured is left out") {
    const double none = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> one = {2, none, 4, 6};
    const std::vector<double> other = {1, 1, none, 3};
    const Estimate ratio = estimate_ratio(one, other);
    CHECK(ratio.samples == 2);
    CHECK(ratio.value == 2);
    CHECK(estimate_ratio(one, {}).samples == 0);
    CHECK(estimate_median(std::vector<double>{none}).samples == 0);
}

TEST_CASE("numbers for people") {
    CHECK(three_digits(0.9712) == "0.971");
    CHECK(three_digits(12.34) == "12.3");
    CHECK(three_digits(1234) == "1234");
    CHECK(three_digits(1234567) == "1.23M");
    CHECK(to_string(Estimate{}) == "-");
    CHECK(to_string(Estimate{2, {1, 3}, 5}) == "2 (1 to 3)");
}
