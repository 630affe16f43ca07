// SPDX-License-Identifier: Apache-2.0
// What a row of `get policies` says of a policy, but for what an engine counts.
#pragma once

#include <map>
#include <string>

#include "engine/view.h"
#include "report/rows.h"

namespace catflap::engine {

// Of a cursor: the namespace, or "/KIND", which no namespace is called.
std::string place_of(const PolicyName& policy);
PolicyName policy_at(const std::string& place, const std::string& name);

// Where each policy of the cluster stands in its tier, from 1 on.
class Ranks {
  public:
    explicit Ranks(const Cluster& cluster);
    [[nodiscard]] size_t of(const PolicyName& name) const { return ranks_.at(name); }

  private:
    std::map<PolicyName, size_t> ranks_;
};

report::PolicyRow row_of(const View& view, const Policy& policy);
report::PolicyRow row_of(const View& view, const ClusterPolicy& policy, const Ranks& ranks);

}  // namespace catflap::engine
