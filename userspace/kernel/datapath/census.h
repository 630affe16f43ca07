// SPDX-License-Identifier: Apache-2.0
// Walks and counts hash maps of the kernel in small steps. The place in such a walk is a bucket, not a key, so it ends
// even where entries come and go meanwhile: each bucket is seen once.
#pragma once

#include <catflap/abi.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace catflap::kernel {

class FlowWalk {
  public:
    explicit FlowWalk(int flows_fd, uint32_t place = 0) : fd_(flows_fd), place_(place) {}

    // Reads the flows of the next buckets: about `room` of them, more where one bucket has more.
    Result<> step(uint32_t room);
    [[nodiscard]] std::span<const catflap_flow_key> keys() const { return keys_; }
    [[nodiscard]] std::span<const catflap_flow> flows() const { return flows_; }
    // Where the flows of the last step lie, and where the next step begins.
    [[nodiscard]] uint32_t place() const { return read_place_; }
    [[nodiscard]] uint32_t next_place() const { return place_; }
    [[nodiscard]] bool over() const { return over_; }

  private:
    int fd_;
    uint32_t place_;
    uint32_t read_place_ = 0;
    bool over_ = false;
    std::vector<catflap_flow_key> keys_;
    std::vector<catflap_flow> flows_;
};

struct Census {
    size_t entries = 0;
    bool estimated = false;  // from the buckets that could be looked at in time: keys are spread evenly
};

// How many entries a hash map of the kernel has. Looks for about `patience` and no longer.
Result<Census> count_entries(int map_fd, std::chrono::microseconds patience);

}  // namespace catflap::kernel
