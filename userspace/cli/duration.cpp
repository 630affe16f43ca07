// SPDX-License-Identifier: Apache-2.0
#include "cli/duration.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace catflap::cli {

using std::chrono::milliseconds;

static constexpr milliseconds kLongestTimeout = std::chrono::hours(24);

// "10s", "500ms", "2m"; a number alone is seconds.
std::optional<milliseconds> parse_duration(std::string_view text) {
    uint32_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
    if (error != std::errc{})
        return std::nullopt;
    milliseconds duration{};
    if (unit == "ms")
        duration = milliseconds(number);
    else if (unit == "s" || unit.empty())
        duration = std::chrono::seconds(number);
    else if (unit == "m")
        duration = std::chrono::minutes(number);
    else
        return std::nullopt;
    return duration <= kLongestTimeout ? std::optional(duration) : std::nullopt;
}

std::string check_duration(const std::string& text) {
    return parse_duration(text) ? "" : fmt::format("{} is not a time such as 10s, 500ms or 2m", text);
}

}  // namespace catflap::cli
