// SPDX-License-Identifier: Apache-2.0
#include "support/executors/executor.h"

#include "support/table/table_text.h"

namespace catflap::test {
namespace {

class OracleExecutor final : public Executor {
  public:
    [[nodiscard]] std::string name() const override { return "oracle"; }
    Result<void> start(const Cluster& cluster) override {
        cluster_ = cluster;
        return {};
    }
    Result<bool> allowed(const oracle::Hop& hop) override { return oracle::judge(cluster_, hop).allowed; }
    [[nodiscard]] bool carries(const Cluster&, const oracle::Hop&) const override { return true; }

  private:
    Cluster cluster_;
};

}  // namespace

Address local_address(const Cluster& cluster, const oracle::Hop& hop) {
    if (const auto pod = cluster.pods.find(hop.pod); pod != cluster.pods.end())
        for (const Address& address : pod->second.addresses)
            if (address.family() == hop.remote.family())
                return address;
    return {};
}

bool crosses_a_veth(const Cluster& cluster, const oracle::Hop& hop) {
    const auto pod = cluster.pods.find(hop.pod);
    if (pod == cluster.pods.end() || pod->second.node != kLocalNode)
        return false;
    const Address own = local_address(cluster, hop);
    return !pod->second.host_network && !pod->second.finished && !own.is_unset() && own != hop.remote;
}

std::unique_ptr<Executor> make_oracle_executor() {
    return std::make_unique<OracleExecutor>();
}

std::string to_string(const oracle::Hop& hop) {
    const bool ingress = hop.direction == oracle::Direction::ingress;
    return fmt::format("{} {} {} {}, {}", catflap::to_string(hop.pod), ingress ? "ingress" : "egress",
                       ingress ? "from" : "to", catflap::to_string(hop.remote),
                       service_text(hop.protocol, hop.destination_port));
}

}  // namespace catflap::test
