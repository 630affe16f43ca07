// SPDX-License-Identifier: Apache-2.0
// `catflap explain`: which policy decides about a connection, at both of its ends. Pure.
#pragma once

#include "base/result.h"
#include "model/cluster.h"
#include "report/explanation.h"

namespace catflap::explain {

// cluster: what is in force. A walk over its pods, so some milliseconds where there are 100,000. this_node: an agent
// runs there; "": nobody's. Fails with a sentence about what is wrong with the question.
Result<report::Explanation> explain(const Cluster& cluster, const report::Question& question,
                                    const std::string& this_node = "");

}  // namespace catflap::explain
