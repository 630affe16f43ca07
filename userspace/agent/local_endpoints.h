// SPDX-License-Identifier: Apache-2.0
// Which pod hangs on which interface. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "links/link_watcher.h"
#include "compile/plan/loaded.h"
#include "model/changes.h"
#include "model/cluster.h"

namespace catflap::agent {

using links::Link;
using links::LinkWatcher;

// A pod of this node that a policy selects, and for which nothing is enforced.
struct Unenforced {
    ObjectName pod;
    std::string reason;
    std::vector<PolicyName> policies;
};

struct LocalEndpoints {
    std::vector<compile::EndpointSpec> endpoints;  // one for each link, with or without a pod; by ifindex
    std::vector<Unenforced> unenforced;
    std::vector<ObjectName> pods;  // of the endpoints; sorted, unique
};

// The pods of one node that policies see.
class LocalPods {
  public:
    explicit LocalPods(std::string node) : node_(std::move(node)) {}
    // changes: since the last call. True: one of the pods is among them, or is gone.
    bool update(const Cluster& cluster, const Changes& changes);
    [[nodiscard]] const std::set<ObjectName>& names() const { return names_; }

  private:
    [[nodiscard]] bool is_ours(const Pod& pod) const { return pod.node == node_ && is_policed(pod); }

    std::string node_;
    std::set<ObjectName> names_;
};

// By name: a prefix + sha1 of the pod's; otherwise by the host route to one of the pod's addresses. The routes, where
// there are any, say which addresses the pod has: they are made before its status is written. pods: the local ones.
LocalEndpoints match_endpoints(const Cluster& cluster, const std::set<ObjectName>& pods,
                               const std::map<uint32_t, Link>& links, const InterfacePrefixes& prefixes = {});

}  // namespace catflap::agent
