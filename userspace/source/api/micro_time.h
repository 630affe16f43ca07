// SPDX-License-Identifier: Apache-2.0
// The API's type MicroTime: RFC 3339 in UTC, with microseconds.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace catflap::source {

std::string micro_time(std::chrono::system_clock::time_point time);
// Also without a fraction. Nothing: it is no time.
std::optional<std::chrono::system_clock::time_point> parse_micro_time(const std::string& text);

}  // namespace catflap::source
