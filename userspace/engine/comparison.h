// SPDX-License-Identifier: Apache-2.0
// A pass over everything that an engine has loaded, in slices: for `catflap verify`, and for the agent's own passes.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "report/verification.h"

namespace catflap::engine {

// What is to be attached, by ifindex, and whether what differs is to be mended.
struct ComparisonOrder {
    bool mends = false;
    std::map<uint32_t, std::string> interfaces;
    std::map<uint32_t, std::string> uplinks;
};

class Comparison {
  public:
    using Clock = std::chrono::steady_clock;

    virtual ~Comparison() = default;
    // Goes on until then. True: it is over. It must not outlive its engine.
    virtual bool step(Clock::time_point until) = 0;
    // After it is over.
    [[nodiscard]] virtual report::Verification found() const = 0;
};

}  // namespace catflap::engine
