// SPDX-License-Identifier: Apache-2.0
// Numbers and text as people read them.
#include <fmt/format.h>

#include <array>
#include <string_view>

#include "cli/render.h"

namespace catflap::cli {
namespace {

// Three or four digits and a unit. 9,999 needs none.
std::string scaled(double value, double step, const std::array<std::string_view, 6>& units) {
    if (value < 10'000)
        return fmt::format("{:.0f}{}", value, units[0]);
    size_t unit = 0;
    while (value >= step && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    // 999.95 would be written as 1000.0.
    if (value >= step - step / 20'000 && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    return fmt::format("{:.1f}{}", value, units[unit]);
}

}  // namespace

std::string human_count(double count) {
    return scaled(count, 1000, {"", "k", "M", "G", "T", "P"});
}

std::string counted(double count, std::string_view one, std::string_view several) {
    return fmt::format("{} {}", human_count(count), count == 1 ? one : several);
}

std::string human_bytes(double bytes) {
    return scaled(bytes, 1024, {"B", "KiB", "MiB", "GiB", "TiB", "PiB"});
}

std::string human_seconds(double seconds) {
    if (seconds < 10)
        return fmt::format("{:.1f}s", seconds);
    const auto whole = static_cast<uint64_t>(seconds);
    if (whole < 60)
        return fmt::format("{}s", whole);
    if (whole < 3600)
        return fmt::format("{}m{}s", whole / 60, whole % 60);
    if (whole < 86'400)
        return fmt::format("{}h{}m", whole / 3600, whole % 3600 / 60);
    return fmt::format("{}d{}h", whole / 86'400, whole % 86'400 / 3600);
}

std::string paint(Colour colour, std::string_view text, bool colours) {
    static constexpr std::array<std::string_view, 5> kCodes{"", "1", "31", "33", "32"};
    if (!colours || colour == Colour::none || text.empty())
        return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<size_t>(colour)], text);
}

Colour colour_of_state(std::string_view state) {
    if (state == "enforced" || state == "synced" || state == "enforcing")
        return Colour::green;
    return state == "unknown" || state == "stale" || state == "silent" || state == "clock ahead" || state == "no agent"
               ? Colour::red
               : Colour::yellow;
}

}  // namespace catflap::cli
