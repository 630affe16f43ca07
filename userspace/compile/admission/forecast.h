// SPDX-License-Identifier: Apache-2.0
// What of manifests would not fit, without a node to ask.
#pragma once

#include <string>
#include <vector>

#include "compile/admission/admission.h"

namespace catflap::compile {

struct Forecast {
    std::string node;  // "": one that has the pods without a nodeName
    Refusal refusal;
};

// For each node that the pods name. A policy that selects no pod is looked at as if there were one that it selects,
// of no node. Where all of it would fit on a single node with one pod of each kind, no node is looked at.
std::vector<Forecast> forecast(const Cluster& source, const Limits& limits);

}  // namespace catflap::compile
