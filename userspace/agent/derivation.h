// SPDX-License-Identifier: Apache-2.0
// What follows for the datapath from the cluster and from the node's links, brought up to their changes.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "links/link_watcher.h"
#include "agent/local_endpoints.h"
#include "compile/admission/admitted_cluster.h"
#include "compile/plan/loaded.h"
#include "resolve/departed.h"
#include "resolve/frontends.h"
#include "resolve/out_of_reach.h"
#include "resolve/resolver.h"

namespace catflap::agent {

class Derivation {
  public:
    // with_cluster_policies: false where the engine enforces NetworkPolicy alone.
    explicit Derivation(const std::string& node, const InterfacePrefixes& prefixes = {},
                        bool with_cluster_policies = true)
        : node_(node), prefixes_(prefixes), pods_(node), out_of_reach_(node), resolver_(with_cluster_policies) {}

    void links_changed() { links_changed_ = true; }
    // A policy, a namespace, an interface, a pod of this node: nobody waits for these.
    [[nodiscard]] bool is_urgent(const Cluster& cluster, const Changes& changes) const;

    // changes: of the cluster, since the last call. node_addresses: the node's own. What is desired refers to the
    // cluster and to this.
    compile::Desired update(const Cluster& source, Changes changes, const std::map<uint32_t, Link>& links,
                            const std::vector<Address>& node_addresses);
    // What update() returned does not fit. The next one returns what of it does: with these limits.
    void does_not_fit(const compile::Limits& limits);
    // Called now and then while that takes long.
    void while_admitting(std::function<void()> alive) { alive_ = std::move(alive); }
    // Of the last update().
    [[nodiscard]] const compile::Admission& admission() const { return admission_; }
    // The source as it is admitted.
    [[nodiscard]] const Cluster& admitted(const Cluster& source) const { return admitted_.of(source); }
    // Something may fit now that was refused, and nobody has looked again.
    [[nodiscard]] bool is_admission_due() const;
    // It was committed. True: endpoints or rules are not those of the last time.
    bool committed() { return std::exchange(uncommitted_, false); }
    // Of nobody any more.
    void forget_commit() { uncommitted_ = true; }

    [[nodiscard]] const LocalEndpoints& local() const { return local_; }
    [[nodiscard]] const resolve::Resolved& resolved() const { return resolver_.resolved(); }
    [[nodiscard]] const resolve::OutOfReachPods& out_of_reach() const { return out_of_reach_; }

  private:
    [[nodiscard]] resolve::ThisNode this_node(const std::vector<ObjectName>& pods) const {
        return {node_, addresses_, pods};
    }
    // True: it may be another one now.
    bool admit(const Cluster& source, bool urgent, bool changed);
    void close_refused_pods();

    std::string node_;
    InterfacePrefixes prefixes_;
    LocalPods pods_;
    LocalEndpoints matched_;
    LocalEndpoints local_;  // of these, what is admitted
    compile::Limits limits_;
    compile::Admission admission_;
    compile::AdmittedCluster admitted_;
    std::function<void()> alive_;
    bool must_admit_ = false;
    bool admission_stale_ = false;
    std::chrono::steady_clock::time_point admit_again_at_{};
    resolve::OutOfReachPods out_of_reach_;
    resolve::Resolver resolver_;
    std::vector<Address> addresses_;
    std::vector<resolve::Frontend> frontends_;
    resolve::Departed departed_;
    bool begun_ = false;
    bool links_changed_ = false;
    bool uncommitted_ = true;
};

}  // namespace catflap::agent
