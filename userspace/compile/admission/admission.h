// SPDX-License-Identifier: Apache-2.0
// What of a cluster fits on a node, object by object, where all of it does not. What does not fit is named, and fails
// closed:
//   a NetworkPolicy isolates its pods in the directions of its policyTypes, and admits nothing;
//   a policy of the cluster denies everything to its pods in the directions in which it has rules;
//   a pod of this node has no config: everything on its interface is dropped;
//   an address of a pod is no pod's: no selector admits it, an ipBlock around it does.
// The answer follows from the cluster, the node's pods and the limits alone, so it is the same after a restart. Pure.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "compile/plan/loaded.h"
#include "resolve/frontends.h"

namespace catflap::compile {

// What a state takes of the maps that grow.
struct Needs {
    uint32_t pages = 0;
    uint32_t decisions = 0;  // enough of both: for the ledger's names, too
};

// Of a state in an empty datapath. Fails with kDoesNotFit.
Result<Needs> measure(const Desired& desired, const Limits& limits);
// By a look at its size only: it fits, measure() need not be asked. False: it may fit or not.
bool fits_easily(const Desired& desired);

struct Refusal {
    std::string kind;
    ObjectName object;
    std::string reason;

    auto operator<=>(const Refusal&) const = default;
};
std::string to_string(const Refusal& refusal);  // "NetworkPolicy shop/web", "ClusterNetworkPolicy deny-ops"

struct Admission {
    std::set<PolicyName> without_rules;      // policies of all kinds
    std::set<ObjectName> closed;             // pods of this node
    std::set<ObjectName> without_addresses;  // pods of any node
    std::vector<Refusal> refusals;           // of all of these
    Needs needs;                             // of what is admitted

    [[nodiscard]] bool complete() const { return refusals.empty(); }
};

// node.pods: those that hang on it; sorted. alive: called between compilations, of which each may take a second where
// the cluster is large.
Admission admit(const Cluster& cluster, const resolve::ThisNode& node, const Limits& limits,
                std::function<void()> alive = {});

// Isolates the same pods in the same directions, and admits nothing.
Policy without_rules(const Policy& policy);
// Denies everything to the same pods in the directions in which it has rules.
ClusterPolicy without_rules(const ClusterPolicy& policy);

}  // namespace catflap::compile
