// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace catflap {

bool equal_but_for_case(std::string_view one, std::string_view other);

// One letter added, dropped or changed, or two neighbours swapped.
bool is_one_edit(std::string_view one, std::string_view other);

// The one of `words` that is most likely meant by a misspelt `word`: equal but for case, or one edit away (two where it
// is longer than five letters). An edit adds, drops or changes a letter or swaps two neighbours. "": none is.
std::string_view nearest(std::string_view word, std::span<const std::string_view> words);

}  // namespace catflap
