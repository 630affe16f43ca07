// SPDX-License-Identifier: Apache-2.0
// Sends ready-made UDP frames out of a pod's eth0, each of another flow, past the pod's own network stack.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bench/frame.h"
#include "bench/site.h"

namespace catflap::bench {

class FrameSender {
  public:
    static constexpr size_t kBatch = 64;

    // Frames from the pod to the server's ports; closed: to the one port that no policy admits.
    static Result<FrameSender> open(const Site& site, const PodPlace& from, bool closed = false);

    // The next `count` flows (at most kBatch), one frame each. How many went out.
    Result<size_t> send(size_t count = kBatch);

  private:
    FrameSender() = default;
    UniqueFd socket_;
    std::vector<Bytes> frames_;
    bool closed_ = false;
    uint64_t next_ = 0;
};

}  // namespace catflap::bench
