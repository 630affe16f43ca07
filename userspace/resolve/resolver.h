// SPDX-License-Identifier: Apache-2.0
// resolve() for a cluster that changes: only what a change can concern is resolved again.
#pragma once

#include <set>

#include "model/changes.h"
#include "resolve/rules.h"

namespace catflap::resolve {

class Resolver {
  public:
    // pods: the local ones; sorted, unique, each in the cluster. changes: of the cluster since the last call. False:
    // resolved() is what it was.
    bool update(const Cluster& cluster, const std::vector<ObjectName>& pods, const Changes& changes);
    [[nodiscard]] const Resolved& resolved() const { return resolved_; }

  private:
    struct Local {
        std::vector<ObjectName> selecting;  // the policies that select the pod, in either direction; sorted
        std::array<PolicyPointer, 2> policies;
    };
    // Pods of one key have equal policies.
    struct Key {
        Direction direction;
        std::vector<ObjectName> policies;
        std::vector<NamedPort> own_ports;  // where an ingress rule names some

        auto operator<=>(const Key&) const = default;
    };
    struct ByValue {
        bool operator()(const PolicyPointer& a, const PolicyPointer& b) const { return *a < *b; }
    };

    [[nodiscard]] bool concerns_nobody(const std::vector<ObjectName>& pods, const Changes& changes) const;
    // True: a name means other numbers now.
    bool count_ports(const Cluster& cluster, const Changes& changes);
    std::set<ObjectName> reselect(const Cluster& cluster, const std::vector<ObjectName>& pods, const Changes& changes);
    PolicyPointer policy_of(const Cluster& cluster, const Pod& pod, const Local& local, Direction direction);
    void forget(const std::set<ObjectName>& policies);
    void list(const std::vector<ObjectName>& pods);

    DeclaredPorts declared_;
    std::map<ObjectName, Local> locals_;
    std::map<Key, PolicyPointer> known_;
    std::set<PolicyPointer, ByValue> values_;  // equal policies are one, whatever their keys
    Resolved resolved_;
};

}  // namespace catflap::resolve
