// SPDX-License-Identifier: Apache-2.0
// From a case that fails to the smallest one that still does.
#pragma once

#include <functional>
#include <vector>

#include "oracle/oracle.h"

namespace catflap::test {

// The hop is judged in the last state; the earlier ones are what led there.
struct Scenario {
    std::vector<Cluster> states;
    oracle::Hop hop;
};

// Takes away states, objects and parts of objects, one after the other, as long as `still_differs`
// says yes. What it is given differs. Deterministic; asks some hundred times for a cluster of the
// generator.
Scenario shrink(Scenario scenario, const std::function<bool(const Scenario&)>& still_differs);

}  // namespace catflap::test
