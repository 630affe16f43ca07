// SPDX-License-Identifier: Apache-2.0
// Between the threads that answer HTTP requests and the loop that enforces: those ask, the loop answers when it has
// time.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/result.h"
#include "base/unique_fd.h"
#include "metrics/snapshot.h"

namespace catflap::metrics {

class Exchange {
  public:
    using Clock = std::chrono::steady_clock;

    static Result<std::shared_ptr<Exchange>> open();

    // ---- The loop ----
    // Readable from the first question until answer().
    [[nodiscard]] int fd() const { return event_.get(); }
    void answer(Snapshot snapshot);
    // It answers no more: nobody waits for it.
    void close();
    // Once a round: it is alive, and a state is in force or not.
    void beat(bool enforcing);

    // ---- Other threads ----
    // A snapshot that the loop had not finished when this was called; nullptr: it did not answer in time, or will not.
    std::shared_ptr<const Snapshot> ask(std::chrono::milliseconds limit);
    [[nodiscard]] Clock::duration since_beat() const { return Clock::now() - beat_.load(); }
    [[nodiscard]] bool enforcing() const { return enforcing_; }

  private:
    explicit Exchange(UniqueFd event) : event_(std::move(event)) {}

    UniqueFd event_;
    std::atomic<Clock::time_point> beat_ = Clock::now();
    std::atomic<bool> enforcing_ = false;
    std::mutex mutex_;
    std::condition_variable answered_;
    bool closed_ = false;
    uint64_t questions_ = 0;  // asked for so far
    uint64_t answers_ = 0;    // of these, how many are answered
    std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace catflap::metrics
