// SPDX-License-Identifier: Apache-2.0
#include "compile/admission/greedy.h"

#include <algorithm>

namespace catflap::compile {

void Greedy::run() {
    const size_t count = chosen_.size();
    if (choose(0, count))
        return;
    // What is too large stands at the end of a fair order.
    size_t tail = 1;
    while (tail < count && !choose(0, count - tail))
        tail *= 2;
    choose_some(count - std::min(tail, count), count, true);
}

bool Greedy::choose(size_t first, size_t last) {
    if (first == last)
        return true;
    std::fill(chosen_.begin() + static_cast<std::ptrdiff_t>(first), chosen_.begin() + static_cast<std::ptrdiff_t>(last),
              true);
    ++questions_;
    const auto fits = fits_(chosen_);
    if (fits)
        return true;
    last_reason_ = fits.error().message;
    std::fill(chosen_.begin() + static_cast<std::ptrdiff_t>(first), chosen_.begin() + static_cast<std::ptrdiff_t>(last),
              false);
    return false;
}

void Greedy::leave_out(size_t first, size_t last, const std::string& reason) {
    for (size_t i = first; i < last; ++i)
        reasons_[i] = reason;
}

void Greedy::choose_some(size_t first, size_t last, bool too_many) {
    if (first == last)
        return;
    // A single one is asked for by itself, for the sake of its reason.
    if (last - first == 1) {
        if (!choose(first, last))
            leave_out(first, last, last_reason_);
        return;
    }
    if (questions_ >= kMostQuestions)
        return leave_out(first, last, last_reason_ + " (not looked at one by one: too many objects do not fit)");
    if (!too_many && choose(first, last))
        return;
    const size_t middle = first + (last - first) / 2;
    const bool head = choose(first, middle);
    if (!head)
        choose_some(first, middle, true);
    choose_some(middle, last, head);
}

}  // namespace catflap::compile
