// SPDX-License-Identifier: Apache-2.0
// Keeps a line that repeats from filling the disk: of each kind so many a minute, and then how many were left out.
#pragma once

#include <spdlog/sinks/sink.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace catflap {

class LogLimit {
  public:
    using Clock = std::chrono::steady_clock;
    explicit LogLimit(size_t per_minute) : per_minute_(per_minute) {}

    // Whether the line is to be written.
    bool admit(std::string_view line, Clock::time_point now);
    struct Suppressed {
        std::string kind;
        size_t lines = 0;
    };
    // The kinds whose minute is over and of which lines were left out; they are forgotten.
    std::vector<Suppressed> expire(Clock::time_point now);

    // Lines that differ only in words with a digit (interfaces, numbers, addresses) are of one kind: "attach to #:
    // ...".
    static std::string kind_of(std::string_view line);

  private:
    struct Minute {
        Clock::time_point begin;
        size_t admitted = 0;
        size_t suppressed = 0;
    };
    size_t per_minute_;
    std::map<std::string, Minute, std::less<>> kinds_;
};

// A sink of spdlog that hands on what the limit admits.
std::shared_ptr<spdlog::sinks::sink> limited(std::shared_ptr<spdlog::sinks::sink> target, size_t per_minute = 20);

}  // namespace catflap
