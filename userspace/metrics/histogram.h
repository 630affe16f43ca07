// SPDX-License-Identifier: Apache-2.0
// Durations counted in buckets. Owned by one thread; a snapshot copies it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace catflap::metrics {

class Histogram {
  public:
    // Upper bounds in seconds, from less than the shortest commit to where somebody should look: 0.25 ms to 16 s. A
    // fixed list, so that histograms of all nodes and versions can be added up.
    static constexpr std::array<double, 17> kBounds_s = {0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                                         0.2,     0.5,    1,     2,     4,     8,    12,   16};

    void observe(std::chrono::duration<double> value) {
        const double value_s = std::max(value.count(), 0.0);
        const auto bucket = std::ranges::lower_bound(kBounds_s, value_s) - kBounds_s.begin();
        ++counts_[static_cast<size_t>(bucket)];
        sum_s_ += value_s;
    }

    // Up to and including bound number `bucket`; kBounds_s.size(): all of them.
    [[nodiscard]] uint64_t cumulative(size_t bucket) const {
        uint64_t count = 0;
        for (size_t i = 0; i <= bucket; ++i)
            count += counts_[i];
        return count;
    }
    [[nodiscard]] uint64_t count() const { return cumulative(kBounds_s.size()); }
    [[nodiscard]] double sum_s() const { return sum_s_; }

  private:
    std::array<uint64_t, kBounds_s.size() + 1> counts_{};
    double sum_s_ = 0;
};

}  // namespace catflap::metrics
