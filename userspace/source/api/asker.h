// SPDX-License-Identifier: Apache-2.0
// One request at a time, whose answer is small enough to be kept as a whole: what is written to the API beside what is
// watched. It knows no sockets and no clock that could stop, so tests can play the server.
#pragma once

#include <chrono>
#include <string>

#include "source/api/transport.h"

namespace catflap::source {

class Asker : public ResponseHandler {
  public:
    using Clock = std::chrono::steady_clock;

    // Before the transport hands over what has come: what time it is.
    void tick(Clock::time_point now) { now_ = now; }
    // What has come is not taken: silence is not the server's.
    void hold(Clock::time_point now) { begun_at_ = now; }

    // ResponseHandler
    Result<> head(const ResponseHead& head) override;
    Result<> body(std::string_view bytes) override;

  protected:
    static constexpr std::chrono::seconds kAnswerSilence{15};

    // transport: outlives it.
    Asker(Transport& transport, size_t largest_answer_bytes) : transport_(transport), most_(largest_answer_bytes) {}

    void ask(const Request& request);
    // From when on the server has been silent for too long.
    [[nodiscard]] Clock::time_point silent_at() const { return begun_at_ + kAnswerSilence; }
    [[nodiscard]] Clock::time_point now() const { return now_; }
    [[nodiscard]] Transport& transport() { return transport_; }
    [[nodiscard]] const ResponseHead& answer_head() const { return head_; }
    [[nodiscard]] const std::string& answer() const { return answer_; }

  private:
    Transport& transport_;
    size_t most_;
    Clock::time_point now_{};
    Clock::time_point begun_at_{};
    ResponseHead head_;
    std::string answer_;
};

}  // namespace catflap::source
