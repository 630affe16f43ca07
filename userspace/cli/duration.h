// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace catflap::cli {

// "10s", "500ms", "2m"; a number alone is seconds. At most a day.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// For CLI11: "" or what is wrong with it.
std::string check_duration(const std::string& text);

}  // namespace catflap::cli
