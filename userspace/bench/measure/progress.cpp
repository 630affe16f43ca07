// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "bench/measure/clock.h"

namespace catflap::bench {

std::string duration_text(double seconds) {
    const int whole = std::max(0, static_cast<int>(seconds + 0.5));
    return whole < 60 ? fmt::format("{} s", whole) : fmt::format("{} min {} s", whole / 60, whole % 60);
}

Progress::Progress(bool terminal) : terminal_(terminal), begin_ns_(now_ns()) {}

Progress::~Progress() {
    if (terminal_)
        fmt::print(stderr, "\r\033[K");
}

double Progress::elapsed() const {
    return static_cast<double>(now_ns() - begin_ns_) / 1e9;
}

double Progress::left() const {
    const double ahead = std::max(0.0, planned_ - done_);
    // At first the plan is all there is to go by.
    constexpr double kTrusted = 20;
    return ahead * (elapsed() + kTrusted) / (done_ + kTrusted);
}

void Progress::step(const std::string& what, double seconds) {
    done_ += current_;
    current_ = seconds;
    show(what);
}

void Progress::show(const std::string& what) {
    constexpr uint64_t kTerminalNs = 100 * kMillisecondNs;
    constexpr uint64_t kLineNs = 10 * kSecondNs;
    const uint64_t now = now_ns();
    if (shown_ns_ != 0 && now - shown_ns_ < (terminal_ ? kTerminalNs : kLineNs))
        return;
    shown_ns_ = now;
    const std::string line =
        fmt::format("[{} of about {}] {}", duration_text(elapsed()), duration_text(elapsed() + left()), what);
    if (terminal_)
        fmt::print(stderr, "\r\033[K{:.110}", line);
    else
        fmt::print(stderr, "{}\n", line);
}

void Progress::say(const std::string& text) {
    fmt::print(stderr, "{}{}\n", terminal_ ? "\r\033[K" : "", text);
}

}  // namespace catflap::bench
