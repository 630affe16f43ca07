// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace catflap {

// Text of others, harmless to a terminal and to a log: control characters, line breaks, marks that change the direction
// of writing, and bytes that are not UTF-8 become \x1b, \u202e and so on. Everything else stays.
std::string printable(std::string_view text);

}  // namespace catflap
