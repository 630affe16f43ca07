// SPDX-License-Identifier: Apache-2.0
#include "cli/suggest.h"

#include <fmt/format.h>

#include "base/spelling.h"

namespace catflap::cli {

std::string closest(std::string_view word, const std::vector<std::string>& candidates) {
    std::string best;
    size_t best_distance = 3;
    for (const std::string& candidate : candidates) {
        const size_t of_this = edit_distance(word, candidate);
        if (of_this < best_distance && of_this < candidate.size()) {
            best = candidate;
            best_distance = of_this;
        }
    }
    return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
    const std::string best = closest(word, candidates);
    return best.empty() ? "" : fmt::format(", did you mean \"{}\"?", best);
}

}  // namespace catflap::cli
