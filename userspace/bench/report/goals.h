// SPDX-License-Identifier: Apache-2.0
// The numbers that the design set out to reach, and what a run says about each. Pure.
#pragma once

#include <string>
#include <vector>

#include "bench/report/results.h"

namespace catflap::bench {

enum class Reached { yes, no, unclear, unmeasured };  // unclear: the goal lies within the confidence interval
std::string to_string(Reached reached);

struct Goal {
    std::string what;
    std::string target;
    std::string measured;
    Reached reached = Reached::unmeasured;
};

// With `at_least`, the value must not be below the target; otherwise not above. Fewer samples than `enough` say
// nothing.
Reached judge(const Estimate& measured, double target, bool at_least, size_t enough = 1);

std::vector<Goal> goals(const Results& results);

// The iptables mode with the better median; "": none was measured.
std::string better_iptables(const Row& row);
bool higher_is_better(const Row& row);

}  // namespace catflap::bench
