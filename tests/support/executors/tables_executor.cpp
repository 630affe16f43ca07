// SPDX-License-Identifier: Apache-2.0
#include "support/executors/tables_executor.h"

#include "resolve/resolve.h"

namespace catflap::test {
namespace {

compile::EndpointSpec spec_of(const Pod& pod, uint32_t ifindex) {
    compile::EndpointSpec spec;
    spec.ifindex = ifindex;
    spec.interface = fmt::format("cali{}", ifindex);
    spec.pod = pod.name;
    spec.uid = pod.uid;
    for (const Address& address : pod.addresses)
        spec.addresses[address.is_ipv4() ? 0 : 1] = address;
    return spec;
}

class TablesExecutor final : public Executor {
  public:
    [[nodiscard]] std::string name() const override { return "tables"; }

    Result<void> start(const Cluster& cluster) override {
        node_ = std::make_unique<SimulatedNode>();
        updates_ = 0;
        return update(cluster);
    }

    Result<void> update(const Cluster& cluster) override {
        // An agent's grace periods do not end with every commit.
        if (updates_++ % 2 == 1)
            if (auto done = node_->collect(); !done)
                return done;
        if (auto done = node_->load(cluster); !done)
            return done;
        if (const auto& violations = node_->store().violations(); !violations.empty())
            return fail("{}", violations.front());
        return {};
    }

    Result<bool> allowed(const oracle::Hop& hop) override {
        const auto verdict = node_->judge(hop);
        if (verdict && verdict->kind == Verdict::Kind::contradiction)
            return fail("the tables contradict each other");
        return verdict && verdict->kind == Verdict::Kind::allow;
    }

    [[nodiscard]] bool carries(const Cluster& cluster, const oracle::Hop& hop) const override {
        return crosses_a_veth(cluster, hop);
    }

  private:
    std::unique_ptr<SimulatedNode> node_;
    size_t updates_ = 0;
};

}  // namespace

// A pod that went and came back has another veth.
std::vector<compile::EndpointSpec> SimulatedNode::plug_in(const Cluster& cluster) {
    std::vector<compile::EndpointSpec> endpoints;
    std::map<ObjectName, uint32_t> present;
    for (const auto& [name, pod] : cluster.pods) {
        if (pod.node != kLocalNode || !is_policed(pod))
            continue;
        const uint32_t known = ifindex(name);
        present[name] = known ? known : ++last_ifindex_;
        endpoints.push_back(spec_of(pod, present[name]));
    }
    interfaces_ = std::move(present);
    return endpoints;
}

Result<> SimulatedNode::load(const Cluster& cluster, const std::vector<resolve::Frontend>& frontends,
                             const resolve::DepartedPods& departed) {
    const auto endpoints = plug_in(cluster);
    std::vector<ObjectName> pods;
    for (const auto& [name, ifindex] : interfaces_)
        pods.push_back(name);
    Changes changes = changes_to(cluster);
    const bool same_rules = !resolver_.update(cluster, pods, changes);
    const bool same_specs = endpoints == std::exchange(endpoints_, endpoints);
    const bool same_frontends = frontends == std::exchange(frontends_, frontends);
    auto report = committer_.commit({cluster, resolver_.resolved(), endpoints, frontends, std::move(changes),
                                     same_rules && same_specs && same_frontends, departed});
    if (!report)
        return tl::unexpected(report.error());
    report_ = std::move(*report);
    return {};
}

Changes SimulatedNode::changes_to(const Cluster& cluster) {
    Changes changes = last_ ? changes_between(*last_, cluster) : Changes::all();
    last_ = cluster;
    return changes;
}

Result<> SimulatedNode::collect() {
    auto unused = committer_.collect();
    if (!unused)
        return tl::unexpected(unused.error());
    for (const auto& [decision, key] : *unused)
        committer_.release(key);
    return {};
}

uint32_t SimulatedNode::ifindex(const ObjectName& pod) const {
    const auto found = interfaces_.find(pod);
    return found == interfaces_.end() ? 0 : found->second;
}

std::optional<Verdict> SimulatedNode::judge(const oracle::Hop& hop) const {
    return store_.judge(ifindex(hop.pod), resolve_direction(hop.direction), hop.remote, hop.protocol,
                        hop.destination_port);
}

const catflap_endpoint_config* SimulatedNode::config_of(const ObjectName& pod) const {
    return store_.config_of(ifindex(pod));
}

std::unique_ptr<Executor> make_tables_executor() {
    return std::make_unique<TablesExecutor>();
}

}  // namespace catflap::test
