// SPDX-License-Identifier: Apache-2.0
#include "source/cache/json_text.h"

#include <fmt/format.h>

#include <iterator>

namespace catflap::source {
namespace {

// Decodes one character of UTF-8 and moves past it; a byte that is not UTF-8 stands for itself.
uint32_t next_character(std::string_view text, size_t& at) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(at);
    const size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (length == 1 || at + length > text.size()) {
        ++at;
        return lead;
    }
    uint32_t character = lead & (0x7fU >> length);
    for (size_t i = 1; i < length; ++i)
        character = character << 6 | (byte(at + i) & 0x3fU);
    at += length;
    return character;
}

}  // namespace

JsonText& JsonText::string(std::string_view value) {
    separate();
    text_ += '"';
    for (size_t at = 0; at < value.size();) {
        const uint32_t character = next_character(value, at);
        if (character == '"' || character == '\\')
            (text_ += '\\') += static_cast<char>(character);
        else if (character >= 0x20 && character < 0x7f)
            text_ += static_cast<char>(character);
        else if (character <= 0xffff)
            fmt::format_to(std::back_inserter(text_), "\\u{:04x}", character);
        else
            fmt::format_to(std::back_inserter(text_), "\\u{:04x}\\u{:04x}", 0xd7c0 + (character >> 10),
                           0xdc00 + (character & 0x3ff));  // a surrogate pair
    }
    text_ += '"';
    return *this;
}

}  // namespace catflap::source
