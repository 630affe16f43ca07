// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"

namespace catflap {
namespace {

uint32_t code_point(std::string_view sequence) {
    const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(sequence[i])); };
    uint32_t value = sequence.size() == 1 ? byte(0) : byte(0) & (0x7fU >> sequence.size());
    for (size_t i = 1; i < sequence.size(); ++i)
        value = value << 6 | (byte(i) & 0x3f);
    return value;
}

// Zero-width and directional marks, line and paragraph separators, the byte order mark.
bool is_hidden(uint32_t c) {
    return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const size_t valid = utf8_length(text);
        const std::string_view sequence = text.substr(0, std::max<size_t>(valid, 1));
        const uint32_t c = code_point(sequence);
        if (valid == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
            result += fmt::format("\\x{:02x}", valid == 0 ? static_cast<uint8_t>(text.front()) : c);
        else if (is_hidden(c))
            result += fmt::format("\\u{:04x}", c);
        else
            result += sequence;
        text.remove_prefix(sequence.size());
    }
    return result;
}

}  // namespace catflap
