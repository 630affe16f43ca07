// SPDX-License-Identifier: Apache-2.0
// What follows for the datapath from the cluster and from the node's links, brought up to their changes.
#pragma once

#include <string>
#include <vector>

#include "links/link_watcher.h"
#include "agent/local_endpoints.h"
#include "compile/plan/loaded.h"
#include "resolve/departed.h"
#include "resolve/frontends.h"
#include "resolve/out_of_reach.h"
#include "resolve/resolver.h"

namespace catflap::agent {

class Derivation {
  public:
    explicit Derivation(const std::string& node) : node_(node), pods_(node), out_of_reach_(node) {}

    void links_changed() { links_changed_ = true; }
    // A policy, a namespace, an interface, a pod of this node: nobody waits for these.
    [[nodiscard]] bool is_urgent(const Cluster& cluster, const Changes& changes) const;

    // changes: of the cluster, since the last call. What is desired refers to the cluster and to this.
    compile::Desired update(const Cluster& cluster, Changes changes, const LinkWatcher& links);
    // It was committed. True: endpoints or rules are not those of the last time.
    bool committed() { return std::exchange(uncommitted_, false); }
    // Of nobody any more.
    void forget_commit() { uncommitted_ = true; }

    [[nodiscard]] const LocalEndpoints& local() const { return local_; }
    [[nodiscard]] const resolve::Resolved& resolved() const { return resolver_.resolved(); }
    [[nodiscard]] const resolve::OutOfReachList& out_of_reach() const { return out_of_reach_.list(); }
    // True: it is another list than at the last call.
    bool out_of_reach_changed() { return std::exchange(out_of_reach_changed_, false); }

  private:
    std::string node_;
    LocalPods pods_;
    LocalEndpoints local_;
    resolve::OutOfReachPods out_of_reach_;
    bool out_of_reach_changed_ = false;
    resolve::Resolver resolver_;
    std::vector<Address> addresses_;
    std::vector<resolve::Frontend> frontends_;
    resolve::Departed departed_;
    bool begun_ = false;
    bool links_changed_ = false;
    bool uncommitted_ = true;
};

}  // namespace catflap::agent
