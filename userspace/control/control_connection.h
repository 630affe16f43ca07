// SPDX-License-Identifier: Apache-2.0
// One client of the control socket: lines in, lines out, nothing that blocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.h"

namespace catflap::control {

class ControlConnection {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr size_t kMaxRequestBytes = 1 << 20;
    static constexpr size_t kMaxStreamBytes = 1 << 20;

    // A connected, non-blocking stream socket.
    explicit ControlConnection(UniqueFd fd) : fd_(std::move(fd)) {}

    // Takes what has arrived, a bounded part of it; nothing while an answer is under way.
    void receive();
    // The next complete line; none while an answer is under way. At the stream's end, what it ends
    // with.
    std::optional<std::string> next_request();
    // True: the client sends more than a request may have, and is not listened to any more.
    [[nodiscard]] bool oversized() const;
    void answer(const std::string& line);
    // The last thing that this client is told.
    void answer_and_close(const std::string& line);
    void send();

    // From now on it is only sent lines; what it sends is not looked at.
    void begin_stream(uint64_t stream) {
        stream_ = stream;
        input_.clear();
    }
    [[nodiscard]] uint64_t stream() const { return stream_; }  // 0: none
    // False: so much waits to be sent that the line was not taken.
    bool push(const std::string& line);

    // What to wait for: room for an answer (or a turn for the next request), else input.
    [[nodiscard]] bool waits_to_write() const { return answering() || has_request(); }
    [[nodiscard]] bool finished() const;
    [[nodiscard]] Clock::time_point last_progress() const { return last_progress_; }
    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    [[nodiscard]] bool answering() const { return sent_ < output_.size(); }
    [[nodiscard]] bool has_request() const;

    UniqueFd fd_;
    std::string input_;
    std::string output_;
    size_t sent_ = 0;
    uint64_t stream_ = 0;
    bool input_ended_ = false;
    bool broken_ = false;
    Clock::time_point last_progress_ = Clock::now();
};

}  // namespace catflap::control
