// SPDX-License-Identifier: Apache-2.0
// Sends ready-made UDP frames out of a pod's eth0, each of another flow, past the pod's own network stack.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bench/traffic/frame.h"
#include "bench/lab/site.h"

namespace catflap::bench {

class FrameSender {
  public:
    static constexpr size_t kBatch = 64;

    // Frames from the pod to the server's ports, of so many flows, over and over.
    static Result<FrameSender> open(const Site& site, const PodPlace& from, uint64_t flows = UINT64_MAX);

    // The next `count` flows (at most kBatch), one frame each. How many went out.
    Result<size_t> send(size_t count = kBatch);

  private:
    FrameSender() = default;
    UniqueFd socket_;
    std::vector<Bytes> frames_;
    uint64_t flows_ = 0;
    uint64_t first_ = 0;
    uint64_t sent_ = 0;
};

}  // namespace catflap::bench
