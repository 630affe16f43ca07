// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "compile/commit/committer.h"
#include "resolve/resolver.h"
#include "support/executors/executor.h"
#include "support/executors/simulated_store.h"

namespace catflap::test {

// The node under test as an agent would run it, on a simulated datapath: each local pod on an interface of its own.
class SimulatedNode {
  public:
    explicit SimulatedNode(const compile::Limits& limits = {}) : committer_(store_, limits) {}
    // frontends, departed: as the agent would derive them from the cluster; without Services there are none.
    Result<> load(const Cluster& cluster, const std::vector<resolve::Frontend>& frontends = compile::kNoFrontends,
                  const resolve::DepartedPods& departed = compile::kNoDepartedPods);
    // Ends the grace period, and gives unused decisions back as an agent does.
    Result<> collect();

    // 0: the pod is not an endpoint here.
    [[nodiscard]] uint32_t ifindex(const ObjectName& pod) const;
    // Of an unknown pod: nothing, which is a drop.
    [[nodiscard]] std::optional<Verdict> judge(const oracle::Hop& hop) const;
    [[nodiscard]] const catflap_endpoint_config* config_of(const ObjectName& pod) const;

    SimulatedStore& store() { return store_; }
    const SimulatedStore& store() const { return store_; }
    compile::Committer& committer() { return committer_; }
    // Of the last load().
    [[nodiscard]] const compile::CommitReport& report() const { return report_; }

  private:
    std::vector<compile::EndpointSpec> plug_in(const Cluster& cluster);
    Changes changes_to(const Cluster& cluster);

    SimulatedStore store_;
    compile::Committer committer_;
    resolve::Resolver resolver_;
    compile::CommitReport report_;
    std::optional<Cluster> last_;  // loaded
    std::vector<compile::EndpointSpec> endpoints_;
    std::vector<resolve::Frontend> frontends_;
    std::map<ObjectName, uint32_t> interfaces_;
    uint32_t last_ifindex_ = 0;
};

// Resolve, compile and commit, judged in a simulated store.
std::unique_ptr<Executor> make_tables_executor();

// The direction in the terms of the policies, of the oracle's.
inline resolve::Direction resolve_direction(oracle::Direction direction) {
    return direction == oracle::Direction::ingress ? resolve::Direction::ingress : resolve::Direction::egress;
}

}  // namespace catflap::test
