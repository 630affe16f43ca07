// SPDX-License-Identifier: Apache-2.0
// Pods that policies select and that no agent can enforce them on: nothing else would say so. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/changes.h"
#include "model/cluster.h"

namespace catflap::resolve {

// Of all kinds, by name.
std::vector<PolicyName> policies_selecting(const Cluster& cluster, const Pod& pod);

enum class OutOfReach : uint8_t { virtual_node, unknown_node, host_network };
const char* sentence_of(OutOfReach why);

// Nothing: an agent on its node can enforce policies on the pod, or it does not run on any node (yet, or any more).
std::optional<OutOfReach> out_of_reach(const Cluster& cluster, const Pod& pod);

struct SelectedOutOfReach {
    ObjectName pod;
    std::string node;
    OutOfReach why{};
    std::vector<PolicyName> policies;
};

struct OutOfReachList {
    static constexpr size_t kMaxPods = 500;
    std::vector<SelectedOutOfReach> pods;  // the first kMaxPods by name
    size_t count = 0;                      // of all
};

// Kept up to date by changes. this_node: an agent runs there, so its pods are no matter, but for those of the host's
// network, which every agent tells of its own node only. "": nobody's, everything counts.
class OutOfReachPods {
  public:
    explicit OutOfReachPods(std::string this_node) : this_node_(std::move(this_node)) {}
    void update(const Cluster& cluster, const Changes& changes);
    // Made when it is asked for, and not with each change: it walks all such pods, which are many where the source has
    // no Nodes. Only pods that changed, or in whose namespace a policy changed, are compared with policies again.
    // cluster: of the last update(), or a later one.
    [[nodiscard]] const OutOfReachList& list(const Cluster& cluster) const;

  private:
    enum class Selected : uint8_t { unknown, no, yes };

    [[nodiscard]] bool counts(const Cluster& cluster, const Pod& pod) const;
    void look_again_at_changed_namespaces() const;

    std::string this_node_;
    mutable std::map<ObjectName, Selected> pods_;
    mutable std::set<std::string> changed_namespaces_;  // whose policies are others since the last list
    mutable OutOfReachList list_;
    mutable bool stale_ = false;
};

}  // namespace catflap::resolve
