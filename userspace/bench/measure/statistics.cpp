// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace catflap::bench {
namespace {

// splitmix64 (Steele, Lea, Flood 2014): the same numbers with every standard library.
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}

    size_t below(size_t bound) {
        state_ += 0x9e3779b97f4a7c15;
        uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return static_cast<size_t>((z ^ (z >> 31)) % bound);
    }

  private:
    uint64_t state_;
};

Interval bootstrap_of_median(std::span<const double> samples, uint64_t seed) {
    constexpr size_t kResamples = 2000;
    Random random(seed);
    std::vector<double> medians(kResamples);
    std::vector<double> drawn(samples.size());
    for (double& median : medians) {
        for (double& value : drawn)
            value = samples[random.below(samples.size())];
        median = median_of(drawn);
    }
    std::ranges::sort(medians);
    return {quantile_of_sorted(medians, 0.025), quantile_of_sorted(medians, 0.975)};
}

std::vector<double> measured_of(std::span<const double> samples) {
    std::vector<double> measured;
    std::ranges::copy_if(samples, std::back_inserter(measured), [](double value) { return std::isfinite(value); });
    return measured;
}

}  // namespace

double quantile_of_sorted(std::span<const double> sorted, double quantile) {
    if (sorted.empty())
        return 0;
    const double rank = quantile * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<size_t>(rank);
    const size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (rank - static_cast<double>(below));
}

double quantile_of(std::vector<double> samples, double quantile) {
    std::ranges::sort(samples);
    return quantile_of_sorted(samples, quantile);
}

double median_of(std::vector<double> samples) {
    return quantile_of(std::move(samples), 0.5);
}

Estimate estimate_median(std::span<const double> samples, size_t per_round, uint64_t seed) {
    std::vector<double> rounds;
    for (size_t begin = 0; begin < samples.size(); begin += per_round) {
        auto of_round = measured_of(samples.subspan(begin, std::min(per_round, samples.size() - begin)));
        if (!of_round.empty())
            rounds.push_back(median_of(std::move(of_round)));
    }
    if (rounds.empty())
        return {};
    return {median_of(measured_of(samples)), bootstrap_of_median(rounds, seed), rounds.size()};
}

Estimate estimate_ratio(std::span<const double> numerator, std::span<const double> denominator, size_t per_round,
                        uint64_t seed) {
    std::vector<double> ratios(std::min(numerator.size(), denominator.size()),
                               std::numeric_limits<double>::quiet_NaN());
    for (size_t i = 0; i < ratios.size(); ++i)
        if (std::isfinite(numerator[i]) && std::isfinite(denominator[i]) && numerator[i] > 0 && denominator[i] > 0)
            ratios[i] = numerator[i] / denominator[i];
    return estimate_median(ratios, per_round, seed);
}

std::string three_digits(double value) {
    const double size = std::abs(value);
    if (size >= 1e9)
        return fmt::format("{:.2f}G", value / 1e9);
    if (size >= 1e6)
        return fmt::format("{:.2f}M", value / 1e6);
    if (size >= 1e4)
        return fmt::format("{:.1f}k", value / 1e3);
    if (size >= 100)
        return fmt::format("{:.0f}", value);
    if (size >= 10)
        return fmt::format("{:.1f}", value);
    return fmt::format("{:.3g}", value);
}

std::string to_string(const Estimate& estimate) {
    if (estimate.samples == 0)
        return "-";
    return fmt::format("{} ({} to {})", three_digits(estimate.value), three_digits(estimate.interval.low),
                       three_digits(estimate.interval.high));
}

}  // namespace catflap::bench
