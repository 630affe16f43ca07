// SPDX-License-Identifier: Apache-2.0
// Pods that are gone while a Service still leads to their addresses. A Pod object may disappear before its
// EndpointSlice is updated; until then kube-proxy chooses the address, and the Service is judged as if the pod were
// still there. Without this memory nothing would be known of the address, and one departed backend would close the
// Service to every pod whose egress policy selects its backends by labels.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "model/changes.h"
#include "resolve/frontends.h"

namespace catflap::resolve {

// By address, as they were last; never an address that a pod of the cluster has. What the pod itself receives and
// sends is not judged by it: only what a Service leads to.
using DepartedPods = std::map<Address, Pod>;

class Departed {
  public:
    // Takes the pods of the changes in; those that are gone are kept if a backend has their address.
    void update(const Cluster& cluster, const Changes& changes);
    // These are the frontends now. An address that they do not lead to any more is forgotten.
    void set_frontends(const std::vector<Frontend>& frontends);

    [[nodiscard]] const DepartedPods& pods() const { return pods_; }

  private:
    void claim(const Pod& pod);
    void give_up(const Pod& pod);
    void count_claims(const Cluster& cluster, const Changes& changes);

    // How many pods of the cluster have the address. Of all of them: a walk over 100,000 pods for each one that goes
    // would be most of what its going costs.
    std::unordered_map<Address, uint32_t> claims_;
    std::unordered_set<Address> backends_;
    DepartedPods pods_;
};

}  // namespace catflap::resolve
