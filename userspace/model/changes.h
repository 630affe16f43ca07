// SPDX-License-Identifier: Apache-2.0
// What has changed in a cluster since somebody looked last: with it, the work that a change makes is in proportion to
// the change, and not to the cluster.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "model/cluster.h"

namespace catflap {

// May name more than what changed (something that changed, and changed back), never less.
struct Changes {
    bool everything = false;                        // nothing is known: the rest does not count
    std::map<ObjectName, std::optional<Pod>> pods;  // as they were before; nothing: they were not there
    std::set<ObjectName> policies;
    std::set<PolicyName> cluster_policies;
    bool namespaces = false;
    bool nodes = false;
    bool services = false;  // and their EndpointSlices

    [[nodiscard]] static Changes all() {
        Changes changes;
        changes.everything = true;
        return changes;
    }
    [[nodiscard]] bool empty() const {
        return !everything && pods.empty() && policies.empty() && cluster_policies.empty() && !namespaces && !nodes &&
               !services;
    }
    // Those of a later time come on top: what a pod was before is what it was before the first of them.
    void append(Changes later);
};

// By comparing all of it.
Changes changes_between(const Cluster& before, const Cluster& after);

}  // namespace catflap
