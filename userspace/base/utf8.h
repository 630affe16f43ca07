// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace catflap {

// The length of the valid UTF-8 sequence at the front of the text, 1 to 4; 0: there is none. Overlong forms and
// surrogates are invalid.
size_t utf8_length(std::string_view text);

}  // namespace catflap
