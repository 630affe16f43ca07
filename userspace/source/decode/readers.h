// SPDX-License-Identifier: Apache-2.0
// The two parsers behind read_documents(). Each takes text that check_text() has passed.
#pragma once

#include <string_view>

#include "source/decode/builder.h"

namespace catflap::source {

// RFC 8259, section 2.
inline constexpr std::string_view kJsonSpaces = " \t\r\n";

// Reads YAML 1.1 to its end; it is a failure of ours if the parser ends before. `first_line`: of the text in its file.
Step read_yaml(std::string_view text, Builder& builder, int first_line);

// Reads JSON documents, one after the other, up to the end or to what is not the start of one. Returns the rest.
struct JsonRest {
    std::string_view text;
    int first_line = 1;
};
enum class Unread : uint8_t {
    checked,  // it is JSON, too
    skipped,  // where nobody reads what stands under a name, its object or list is null, and only its end is looked for
};
tl::expected<JsonRest, SyntaxError> read_json(std::string_view text, Builder& builder, Unread unread = Unread::checked);

}  // namespace catflap::source
