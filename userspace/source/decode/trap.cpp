// SPDX-License-Identifier: Apache-2.0
#include "source/decode/trap.h"

#include <algorithm>

namespace catflap::source {
namespace {

// What the library would take for the end of a line, or for the start of the text.
bool ends_line(std::string_view before) {
    return before.empty() || before.ends_with('\n') || before.ends_with('\r') || before.ends_with("\xc2\x85") ||
           before.ends_with("\xe2\x80\xa8") || before.ends_with("\xe2\x80\xa9") || before.ends_with("\xef\xbb\xbf");
}

int line_of(std::string_view text, size_t at) {
    const std::string_view before = text.substr(0, at);
    return static_cast<int>(std::ranges::count(before, '\n')) + 1;
}

}  // namespace

std::optional<SyntaxError> find_trap(std::string_view text) {
    // It takes a NUL for the end of the text, and drops what follows without a word.
    if (const size_t nul = text.find('\0'); nul != std::string_view::npos)
        return SyntaxError{line_of(text, nul), "a NUL byte: this is not a text in UTF-8"};
    // It can loop for ever in a broken directive, and no manifest needs a good one.
    for (size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1))
        if (ends_line(text.substr(0, at)))
            return SyntaxError{line_of(text, at), "directives (%) are not supported; remove the line"};
    return std::nullopt;
}

}  // namespace catflap::source
