// SPDX-License-Identifier: Apache-2.0
// A grace period of RCU: at its end no packet is under way that started before its beginning. Programs run under RCU
// (TC, XDP and netfilter under rcu_read_lock, kernel 5.15 to 6.18).
#pragma once

#include <future>

#include "base/result.h"
#include "base/unique_fd.h"

namespace catflap::kernel {

// Begins one, and returns at its end: some 10 to 30 ms, in which the caller does nothing else.
Result<> wait_for_packets();

// The same for a caller who has something else to do: a thread waits in its place.
class GracePeriod {
  public:
    static Result<GracePeriod> open();

    // Readable (poll) when what has begun is over: call end().
    [[nodiscard]] int fd() const { return over_.get(); }
    [[nodiscard]] bool under_way() const { return waiting_.valid(); }
    // None may be under way. Fails where there is no thread to be had.
    Result<> begin();
    // Fails where the kernel could not wait: then nothing is known.
    Result<> end();

  private:
    explicit GracePeriod(UniqueFd over) : over_(std::move(over)) {}

    UniqueFd over_;
    std::future<Result<>> waiting_;  // its destructor waits, too
};

}  // namespace catflap::kernel
