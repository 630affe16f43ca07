// SPDX-License-Identifier: Apache-2.0
// Medians, quantiles, and bootstrap confidence intervals. Pure, and seeded: the same samples give the same answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace catflap::bench {

// 95 % of the bootstrap's medians lie in it.
struct Interval {
    double low = 0;
    double high = 0;

    [[nodiscard]] bool contains(double value) const { return low <= value && value <= high; }
};

struct Estimate {
    double value = 0;  // the median
    Interval interval;
    size_t samples = 0;  // rounds; 0: nothing was measured
};

// Linear between the two nearest ranks (type 7 of Hyndman and Fan, 1996). quantile: 0 to 1. Empty: 0.
double quantile_of_sorted(std::span<const double> sorted, double quantile);
double quantile_of(std::vector<double> samples, double quantile);
double median_of(std::vector<double> samples);

constexpr uint64_t kSeed = 20190612;

// per_round: so many samples in a row were taken together, and resemble each other more than those of other rounds: the
// interval is the one of the rounds' medians.
Estimate estimate_median(std::span<const double> samples, size_t per_round = 1, uint64_t seed = kSeed);

// The median of numerator[i] / denominator[i]. Pair by pair, since both met the same noise; pairs of which either was
// not measured (not finite, or not positive) are left out, and so is what one of them has more.
Estimate estimate_ratio(std::span<const double> numerator, std::span<const double> denominator, size_t per_round = 1,
                        uint64_t seed = kSeed);

// "12.3 (11.9 to 12.8)", to three significant digits; "-" where nothing was measured.
std::string to_string(const Estimate& estimate);
std::string three_digits(double value);

}  // namespace catflap::bench
