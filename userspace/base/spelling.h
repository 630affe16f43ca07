// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace catflap {

bool equal_but_for_case(std::string_view one, std::string_view other);

// How many edits turn one into the other, without regard to case: letters added, dropped or changed, neighbours
// swapped. (The restricted Damerau-Levenshtein distance.) 65 where one of them has more than 64 letters.
size_t edit_distance(std::string_view one, std::string_view other);

// The one of `words` that is most likely meant by a misspelt `word`: equal but for case, or one edit away (two where it
// is longer than five letters). An edit adds, drops or changes a letter or swaps two neighbours. "": none is.
std::string_view nearest(std::string_view word, std::span<const std::string_view> words);

}  // namespace catflap
