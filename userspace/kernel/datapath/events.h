// SPDX-License-Identifier: Apache-2.0
// What the datapath tells of single packets, see bpf/event.h.
#pragma once

#include <catflap/event.h>

#include <functional>
#include <memory>

#include "base/result.h"

struct ring_buffer;

namespace catflap::kernel {

// Reads the ring `events`.
class EventRing {
  public:
    static Result<EventRing> open(int events_fd);

    // The oldest first, at most so many; the rest stays. Returns how many there were.
    size_t read(size_t most, const std::function<void(const catflap_event&)>& take);

  private:
    struct Free {
        void operator()(ring_buffer* ring) const;
    };
    struct Reading {
        size_t left = 0;
        size_t count = 0;
        const std::function<void(const catflap_event&)>* take = nullptr;
    };
    EventRing() = default;

    std::unique_ptr<Reading> reading_;  // the callback's, at an address that stays
    std::unique_ptr<ring_buffer, Free> ring_;
};

}  // namespace catflap::kernel
