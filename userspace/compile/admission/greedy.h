// SPDX-License-Identifier: Apache-2.0
// Of a sequence, what fits one after the other: an element that does not fit on top of those before it is left out, and
// the next is looked at. It asks for whole runs at once, since asking means to compile a state.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace catflap::compile {

class Greedy {
  public:
    // Do the elements so marked fit? More than fits does not fit with more in it, either.
    using Fits = std::function<Result<>(const std::vector<bool>& chosen)>;
    // Where so many questions were not enough, what is left of the sequence is left out.
    static constexpr int kMostQuestions = 64;

    Greedy(size_t elements, Fits fits) : chosen_(elements), reasons_(elements), fits_(std::move(fits)) {}
    void run();

    [[nodiscard]] const std::vector<bool>& chosen() const { return chosen_; }
    // Why an element was left out.
    [[nodiscard]] const std::string& reason(size_t element) const { return reasons_[element]; }

  private:
    bool choose(size_t first, size_t last);
    void leave_out(size_t first, size_t last, const std::string& reason);
    // too_many: they do not fit all together.
    void choose_some(size_t first, size_t last, bool too_many);

    std::vector<bool> chosen_;
    std::vector<std::string> reasons_;
    Fits fits_;
    std::string last_reason_;
    int questions_ = 0;
};

}  // namespace catflap::compile
