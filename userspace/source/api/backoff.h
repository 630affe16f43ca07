// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace catflap::source {

// How long to wait before the next try: twice as long after each failure, and somewhere around it, so that a thousand
// agents do not come back to a server in step.
class Backoff {
  public:
    using Duration = std::chrono::milliseconds;

    Backoff(Duration first, Duration longest, uint32_t seed) : first_(first), longest_(longest), random_(seed) {}

    Duration next() {
        const Duration doubled = std::min<Duration>(longest_, first_ * (1 << std::min(failures_, 16U)));
        ++failures_;
        return std::chrono::duration_cast<Duration>(doubled * std::uniform_real_distribution<>(0.75, 1.25)(random_));
    }
    void reset() { failures_ = 0; }
    [[nodiscard]] uint32_t failures() const { return failures_; }

  private:
    Duration first_;
    Duration longest_;
    std::minstd_rand random_;
    uint32_t failures_ = 0;
};

}  // namespace catflap::source
