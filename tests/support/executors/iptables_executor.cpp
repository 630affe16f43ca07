// SPDX-License-Identifier: Apache-2.0
#include "support/executors/iptables_executor.h"

#include "support/executors/rule_walk.h"

namespace catflap::test {
namespace {

class IptablesExecutor final : public Executor {
  public:
    [[nodiscard]] std::string name() const override { return "iptables"; }

    Result<void> start(const Cluster& cluster) override {
        std::vector<iptables::Endpoint> endpoints;
        for (const auto& [name, pod] : cluster.pods)
            if (pod.node == kLocalNode && is_policed(pod))
                endpoints.push_back({calico_interface_name(name), name});
        // Encapsulation is dropped whatever the policies say: the tables ask for the policies alone.
        state_ = iptables::render(cluster, endpoints, {.drop_encapsulation = false});
        cluster_ = cluster;
        return {};
    }

    Result<bool> allowed(const oracle::Hop& hop) override {
        const bool egress = hop.direction == oracle::Direction::egress;
        const std::string veth = calico_interface_name(hop.pod);
        const Address own = local_address(cluster_, hop);
        WalkedPacket packet;
        (egress ? packet.in_interface : packet.out_interface) = veth;
        (egress ? packet.out_interface : packet.in_interface) = "eth0";
        packet.source = egress ? own : hop.remote;
        packet.destination = egress ? hop.remote : own;
        packet.protocol = hop.protocol;
        packet.destination_port = hop.destination_port;
        return passes(state_, "FORWARD", packet);
    }

    [[nodiscard]] bool carries(const Cluster& cluster, const oracle::Hop& hop) const override {
        return cannot_take(cluster).empty() && crosses_a_veth(cluster, hop);
    }

    [[nodiscard]] std::string cannot_take(const Cluster& cluster) const override {
        return cluster.cluster_policies.empty() ? "" : "iptables mode has no chains for policies of the cluster";
    }

  private:
    iptables::State state_;
    Cluster cluster_;
};

}  // namespace

std::unique_ptr<Executor> make_iptables_executor() {
    return std::make_unique<IptablesExecutor>();
}

}  // namespace catflap::test
