// SPDX-License-Identifier: Apache-2.0
#include "base/log_limit.h"

#include <fmt/format.h>
#include <spdlog/details/log_msg.h>

#include <algorithm>
#include <mutex>

namespace catflap {
namespace {

constexpr auto kMinute = std::chrono::minutes(1);
constexpr size_t kMostKinds = 4096;

class LimitedSink final : public spdlog::sinks::sink {
  public:
    LimitedSink(std::shared_ptr<spdlog::sinks::sink> target, size_t per_minute)
        : target_(std::move(target)), limit_(per_minute) {}

    void log(const spdlog::details::log_msg& message) override {
        const std::scoped_lock lock(mutex_);
        tell_suppressed();
        if (limit_.admit({message.payload.data(), message.payload.size()}, LogLimit::Clock::now()))
            target_->log(message);
    }
    void flush() override {
        const std::scoped_lock lock(mutex_);
        tell_suppressed();
        target_->flush();
    }
    void set_pattern(const std::string& pattern) override { target_->set_pattern(pattern); }
    void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override {
        target_->set_formatter(std::move(formatter));
    }

  private:
    void tell_suppressed() {
        for (const auto& [kind, lines] : limit_.expire(LogLimit::Clock::now())) {
            const std::string text = fmt::format("suppressed {} lines like: {}", lines, kind);
            target_->log(spdlog::details::log_msg("", spdlog::level::warn, text));
        }
    }

    std::mutex mutex_;
    std::shared_ptr<spdlog::sinks::sink> target_;
    LogLimit limit_;
};

}  // namespace

std::string LogLimit::kind_of(std::string_view line) {
    std::string kind;
    for (size_t begin = 0; begin < line.size();) {
        const size_t end = std::min(line.find(' ', begin), line.size());
        const std::string_view word = line.substr(begin, end - begin);
        const bool varies = word.find_first_of("0123456789") != std::string_view::npos;
        kind += varies ? "#" : word;
        if (varies && (word.back() == ':' || word.back() == ',' || word.back() == ';'))
            kind += word.back();
        if (end < line.size())
            kind += ' ';
        begin = end + 1;
    }
    constexpr size_t kLongest = 256;
    return kind.substr(0, kLongest);
}

bool LogLimit::admit(std::string_view line, Clock::time_point now) {
    std::string kind = kind_of(line);
    auto found = kinds_.find(kind);
    if (found == kinds_.end()) {
        if (kinds_.size() >= kMostKinds)
            return true;
        found = kinds_.emplace(std::move(kind), Minute{now}).first;
    } else if (now - found->second.begin >= kMinute) {
        found->second = Minute{now};
    }
    Minute& minute = found->second;
    if (minute.admitted >= per_minute_) {
        ++minute.suppressed;
        return false;
    }
    ++minute.admitted;
    return true;
}

std::vector<LogLimit::Suppressed> LogLimit::expire(Clock::time_point now) {
    std::vector<Suppressed> told;
    for (auto kind = kinds_.begin(); kind != kinds_.end();) {
        if (now - kind->second.begin < kMinute) {
            ++kind;
            continue;
        }
        if (kind->second.suppressed > 0)
            told.push_back({kind->first, kind->second.suppressed});
        kind = kinds_.erase(kind);
    }
    return told;
}

std::shared_ptr<spdlog::sinks::sink> limited(std::shared_ptr<spdlog::sinks::sink> target, size_t per_minute) {
    return std::make_shared<LimitedSink>(std::move(target), per_minute);
}

}  // namespace catflap
