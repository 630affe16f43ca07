// SPDX-License-Identifier: Apache-2.0
#include "base/spelling.h"

#include <algorithm>
#include <array>

namespace catflap {
namespace {

constexpr size_t kLongest = 64;  // no word of ours is longer
constexpr size_t kShort = 5;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
}

}  // namespace

size_t edit_distance(std::string_view one, std::string_view other) {
    if (one.size() > kLongest || other.size() > kLongest)
        return kLongest + 1;
    using Row = std::array<size_t, kLongest + 1>;
    Row before{};
    Row last{};
    Row row{};
    for (size_t j = 0; j <= other.size(); ++j)
        last[j] = j;
    for (size_t i = 1; i <= one.size(); ++i) {
        row[0] = i;
        for (size_t j = 1; j <= other.size(); ++j) {
            const char a = lower(one[i - 1]);
            const char b = lower(other[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a == b ? 0 : 1)});
            if (i > 1 && j > 1 && a == lower(other[j - 2]) && lower(one[i - 2]) == b)
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
    }
    return last[other.size()];
}

bool equal_but_for_case(std::string_view one, std::string_view other) {
    return std::ranges::equal(one, other, {}, lower, lower);
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> words) {
    std::string_view best;
    size_t best_distance = kLongest;
    for (const std::string_view candidate : words) {
        const size_t allowed = candidate.size() > kShort ? 2 : 1;
        if (candidate.size() > word.size() + allowed || word.size() > candidate.size() + allowed)
            continue;
        const size_t edits = edit_distance(word, candidate);
        if (edits <= allowed && edits < best_distance) {
            best = candidate;
            best_distance = edits;
        }
    }
    return best;
}

}  // namespace catflap
