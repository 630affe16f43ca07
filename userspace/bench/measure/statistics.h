// SPDX-License-Identifier: Apache-2.0
// Medians, quantiles, and confidence intervals. Pure, and seeded: the same samples give the same answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace catflap::bench {

// The median of what was sampled lies in it with 95 %: by bootstrap, or by ranks where samples are many.
struct Interval {
    double low = 0;
    double high = 0;

    [[nodiscard]] bool contains(double value) const { return low <= value && value <= high; }
};

struct Estimate {
    double value = 0;  // the median
    Interval interval;
    size_t samples = 0;  // 0: nothing was measured
};

// Linear between the two nearest ranks (type 7 of Hyndman and Fan, 1996). quantile: 0 to 1. Empty: 0.
double quantile_of_sorted(std::span<const double> sorted, double quantile);
double quantile_of(std::vector<double> samples, double quantile);
double median_of(std::vector<double> samples);

constexpr uint64_t kSeed = 20190612;

Estimate estimate_median(std::span<const double> samples, uint64_t seed = kSeed);

// The median of numerator[i] / denominator[i]. Pair by pair, since both of a round met the same noise; pairs of which
// either was not measured (not finite, or not positive) are left out, and so is what one of them has more.
Estimate estimate_ratio(std::span<const double> numerator, std::span<const double> denominator, uint64_t seed = kSeed);

// "12.3 (11.9 to 12.8)", to three significant digits; "-" where nothing was measured.
std::string to_string(const Estimate& estimate);
std::string three_digits(double value);

}  // namespace catflap::bench
