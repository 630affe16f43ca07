// SPDX-License-Identifier: Apache-2.0
#include "source/decode/text.h"

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"

namespace catflap::source {
namespace {

bool is_printable_ascii(char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\t' || c == '\r';
}

// The control characters beyond ASCII (U+0080 to U+009F, but U+0085, a line break of YAML), U+FFFE and U+FFFF.
bool is_forbidden(std::string_view sequence) {
    if (sequence.size() == 2)
        return sequence[0] == '\xc2' && static_cast<uint8_t>(sequence[1]) < 0xa0 && sequence[1] != '\x85';
    return sequence == "\xef\xbf\xbe" || sequence == "\xef\xbf\xbf";
}

tl::unexpected<SyntaxError> wrong_byte(std::string_view text, size_t at, std::string message) {
    return tl::unexpected(SyntaxError{line_at(text, at), std::move(message)});
}

}  // namespace

int line_at(std::string_view text, size_t offset) {
    return static_cast<int>(std::ranges::count(text.substr(0, offset), '\n')) + 1;
}

tl::expected<size_t, SyntaxError> check_text(std::string_view text) {
    size_t characters = 0;
    for (size_t at = 0; at < text.size(); ++characters) {
        if (is_printable_ascii(text[at])) {
            ++at;
            continue;
        }
        const auto byte = static_cast<uint8_t>(text[at]);
        const size_t length = utf8_length(text.substr(at, 4));
        if (length == 0)
            return wrong_byte(text, at, fmt::format("the byte 0x{:02x} is not UTF-8; save the file as UTF-8", byte));
        const std::string_view sequence = text.substr(at, length);
        if (length == 1 || is_forbidden(sequence))
            return wrong_byte(text, at, fmt::format("a control character (byte 0x{:02x}); remove it", byte));
        at += length;
    }
    return characters;
}

std::optional<int> find_template(std::string_view text) {
    for (int line = 1; !text.empty(); ++line) {
        const std::string_view here = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(here.size() + 1, text.size()));
        const size_t start = std::min(here.find("{{"), here.find("{%"));
        if (start == std::string_view::npos)
            continue;
        const bool quoted = here.substr(0, start).find_first_of("\"'#") != std::string_view::npos;
        const std::string_view end = here.substr(start).starts_with("{{") ? "}}" : "%}";
        if (!quoted && here.find(end, start) != std::string_view::npos)
            return line;
    }
    return std::nullopt;
}

}  // namespace catflap::source
