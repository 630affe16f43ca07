// SPDX-License-Identifier: Apache-2.0
#include "source/api/micro_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string_view>

namespace catflap::source {

std::string micro_time(std::chrono::system_clock::time_point time) {
    const auto since = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch());
    const auto whole = std::chrono::floor<std::chrono::seconds>(since);
    const std::time_t whole_s = whole.count();
    std::tm utc{};
    gmtime_r(&whole_s, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                       utc.tm_hour, utc.tm_min, utc.tm_sec, (since - whole).count());
}

std::optional<std::chrono::system_clock::time_point> parse_micro_time(const std::string& text) {
    std::tm parts{};
    const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr)
        return std::nullopt;
    // The clock ends in 2262.
    constexpr std::time_t kLatest = 8000000000;
    const auto time = std::chrono::system_clock::from_time_t(std::min(timegm(&parts), kLatest));
    constexpr size_t kDigits = 6;
    int micro = 0;
    if (*rest == '.' && std::string_view(rest + 1).size() >= kDigits)
        std::from_chars(rest + 1, rest + 1 + kDigits, micro);
    return time + std::chrono::microseconds(micro);
}

}  // namespace catflap::source
