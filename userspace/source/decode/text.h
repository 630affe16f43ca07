// SPDX-License-Identifier: Apache-2.0
// What holds of a text as a whole, before a parser sees it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "source/decode/document.h"

namespace catflap::source {

// Every byte must belong to valid UTF-8 and to a character that YAML and JSON allow. A parser that met another one
// could take it for the end of the text. Returns the number of characters.
tl::expected<size_t, SyntaxError> check_text(std::string_view text);

// 1-based.
int line_at(std::string_view text, size_t offset);

// The line of the first {{ }} or {% %} that stands where neither YAML nor JSON could have it.
std::optional<int> find_template(std::string_view text);

}  // namespace catflap::source
