// SPDX-License-Identifier: Apache-2.0
// resolve() for a cluster that changes: only what a change can concern is resolved again.
#pragma once

#include <set>

#include "model/changes.h"
#include "resolve/rules.h"

namespace catflap::resolve {

class Resolver {
  public:
    // with_cluster_policies: false where the engine enforces NetworkPolicy alone.
    explicit Resolver(bool with_cluster_policies = true) : with_cluster_policies_(with_cluster_policies) {}

    // pods: the local ones; sorted, unique, each in the cluster. changes: of the cluster since the last call. False:
    // resolved() is what it was.
    bool update(const Cluster& cluster, const std::vector<ObjectName>& pods, const Changes& changes);
    [[nodiscard]] const Resolved& resolved() const { return resolved_; }

  private:
    struct Local {
        std::vector<ObjectName> selecting;  // NetworkPolicies that select the pod, in either direction; sorted
        std::vector<PolicyName> cluster;    // policies of the cluster that do; in the order of ordered_
        std::array<PolicyPointer, 2> policies;
    };
    // Pods of one key have equal policies.
    struct Key {
        Direction direction;
        std::vector<PolicyName> policies;
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
    // The same with policies of the cluster. Where there are none, and were none, it costs nothing.
    void reselect_cluster(const Cluster& cluster, const std::vector<ObjectName>& pods, const Changes& changes,
                          std::set<ObjectName>& dirty);
    // Whose rules are others now: those that changed, and those that name nodes if these changed.
    [[nodiscard]] std::set<PolicyName> changed_policies(const Cluster& cluster, const Changes& changes) const;
    PolicyPointer policy_of(const Cluster& cluster, const Pod& pod, const Local& local, Direction direction);
    [[nodiscard]] PolicyPointer make_policy(const Cluster& cluster, const Pod& pod, const Key& key,
                                            std::vector<Tier> tiers);
    void forget(const std::set<PolicyName>& policies);
    void list(const std::vector<ObjectName>& pods);

    bool with_cluster_policies_;
    DeclaredPorts declared_;
    std::vector<PolicyName> ordered_;  // policies of the cluster: those of Admin, then those of Baseline, each in order
    std::map<ObjectName, Local> locals_;
    std::map<Key, PolicyPointer> known_;
    std::set<PolicyPointer, ByValue> values_;  // equal policies are one, whatever their keys
    Resolved resolved_;
};

}  // namespace catflap::resolve
