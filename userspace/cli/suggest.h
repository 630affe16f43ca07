// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace catflap::cli {

// The candidate that differs from the word by at most two letters (inserted, left out, exchanged or swapped); "": none.
std::string closest(std::string_view word, const std::vector<std::string>& candidates);

// ", did you mean "status"?"; "": nothing is close.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace catflap::cli
