// SPDX-License-Identifier: Apache-2.0
// Sends ready-made UDP frames out of a pod's eth0, each of another flow, past the pod's own network stack.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bench/lab/site.h"
#include "bench/traffic/frame.h"
#include "bench/traffic/workload.h"

namespace catflap::bench {

class FrameSender {
  public:
    static constexpr size_t kBatch = 64;

    // Frames from the pod to the server's ports, of so many flows, over and over.
    static Result<FrameSender> open(const Site& site, const PodPlace& from, uint64_t flows = UINT64_MAX);
    // The same, put onto the wire by node-b. on_wire: not `no`.
    static Result<FrameSender> open_on_wire(const Site& site, const PodPlace& from, OnWire on_wire);

    // The next `count` flows (at most kBatch), one frame each. How many went out.
    Result<size_t> send(size_t count = kBatch);

  private:
    FrameSender() = default;
    static Result<FrameSender> open_in(const std::string& netns, const PodPlace& from, uint64_t flows);
    void choose_source(Bytes& frame, uint64_t flow) const;
    UniqueFd socket_;
    std::vector<Bytes> frames_;
    uint64_t flows_ = 0;
    OnWire on_wire_ = OnWire::no;
    uint64_t first_ = 0;
    uint64_t sent_ = 0;
};

}  // namespace catflap::bench
