// SPDX-License-Identifier: Apache-2.0
// Passes over what is loaded: what they have found, and those that are under way or asked for.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/comparison.h"
#include "report/verification.h"

namespace catflap::agent {

// Since the agent started.
struct VerifyState {
    uint64_t passes = 0;
    std::map<std::string, uint64_t> differences;  // by check
    uint64_t mended = 0;
    uint64_t unread = 0;  // checks that could not be made, or not wholly
    std::optional<std::chrono::system_clock::time_point> last;
    std::chrono::microseconds last_took{};       // of the loop's time
    std::chrono::steady_clock::duration took{};  // by all of them
    std::string trouble;                         // of the last one: what could not be compared, or mended; ""
};

struct VerifyQueue {
    using Clock = std::chrono::steady_clock;

    struct Question {
        uint64_t number = 0;
        bool repair = false;
    };
    struct Pass {
        std::unique_ptr<engine::Comparison> comparison;  // nullptr: the engine has none; it must not outlive it
        bool mends = false;
        std::vector<Question> questions;  // none: the agent makes it of its own accord
        report::Verification own;         // what the agent looked at itself
        Clock::time_point began_at;
        Clock::duration took{};
    };

    std::optional<Pass> pass;
    std::vector<Question> asked;  // that wait for one
    std::map<uint64_t, report::Verification> answers;
    uint64_t last_question = 0;
    Clock::time_point slice_at{};      // the next slice
    Clock::time_point next_pass_at{};  // of the agent's own accord
    std::string told;

    // Before its engine goes: whoever asked gets a pass over the next one.
    void forget_pass() {
        if (pass)
            asked.insert(asked.begin(), pass->questions.begin(), pass->questions.end());
        pass.reset();
    }
    [[nodiscard]] bool waits_for(uint64_t question) const {
        const auto is_it = [&](const Question& one) { return one.number == question; };
        return std::ranges::any_of(asked, is_it) || (pass && std::ranges::any_of(pass->questions, is_it));
    }
    // When the loop has to go on with it. interval_ms: of the agent's own passes; 0: there are none.
    [[nodiscard]] Clock::time_point due_at(int64_t interval_ms) const {
        if (pass || !asked.empty())
            return slice_at;
        return interval_ms > 0 ? std::max(slice_at, next_pass_at) : Clock::time_point::max();
    }
};

}  // namespace catflap::agent
