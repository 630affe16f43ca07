// SPDX-License-Identifier: Apache-2.0
#include "support/executors/kernel_executor.h"

#include <netinet/in.h>

#include <algorithm>

#include "support/kernel/kernel_lab.h"

namespace catflap::test {
namespace {

// The transport header of a new connection, or of one packet of a protocol without connections.
Packet with_transport(Packet packet, const oracle::Hop& hop, uint8_t protocol, uint16_t source_port) {
    switch (protocol) {
        case IPPROTO_TCP:
            return packet / Tcp{.source_port = source_port, .destination_port = hop.destination_port};
        case IPPROTO_UDP:
            return packet / Udp{.source_port = source_port, .destination_port = hop.destination_port};
        case IPPROTO_SCTP:
            return packet / Sctp{.source_port = source_port, .destination_port = hop.destination_port};
        case IPPROTO_ICMP:
            return packet / Icmp{.identifier = source_port};
        case IPPROTO_ICMPV6:
            return packet / Icmpv6{.identifier = source_port};
        default:
            return packet / Payload{};
    }
}

class KernelExecutor final : public Executor {
  public:
    [[nodiscard]] std::string name() const override { return "kernel"; }

    Result<void> start(const Cluster& cluster) override {
        local_.clear();
        for (const auto& [name, pod] : cluster.pods)
            if ((pod.node.empty() || pod.node == kLocalNode) && is_policed(pod) && !pod.addresses.empty())
                local_.push_back(name);
        cluster_ = cluster;
        try {
            if (!lab_)
                lab_ = std::make_unique<KernelLab>(LabOptions{.tracked = true});
            lab_->enforce(cluster, local_);
        } catch (const std::exception& error) {
            return fail("{}", error.what());
        }
        return {};
    }

    Result<bool> allowed(const oracle::Hop& hop) override {
        const auto pod = std::ranges::find(local_, hop.pod);
        if (pod == local_.end())
            return fail("{} is not on this node", to_string(hop.pod));
        const SkbFields fields{.ifindex = static_cast<uint32_t>(pod - local_.begin() + 1)};
        const bool egress = hop.direction == oracle::Direction::egress;
        // The connection before must not pass for this one's: each begins with no flow.
        lab_->forget_flows();
        return lab_->run(egress ? Hook::from_pod : Hook::to_pod, frame(hop, egress), fields);
    }

    [[nodiscard]] bool carries(const Cluster& cluster, const oracle::Hop& hop) const override {
        return crosses_a_veth(cluster, hop);
    }

  private:
    [[nodiscard]] Bytes frame(const oracle::Hop& hop, bool egress) const {
        const Address local = local_address(cluster_, hop);
        const std::string source = to_string(egress ? local : hop.remote);
        const std::string destination = to_string(egress ? hop.remote : local);
        constexpr uint16_t kSourcePort = 40000;
        if (hop.remote.is_ipv4())
            return with_transport(
                Ethernet{} / Ipv4{.source = source, .destination = destination, .protocol = hop.protocol}, hop,
                hop.protocol, kSourcePort);
        return with_transport(
            Ethernet{} / Ipv6{.source = source, .destination = destination, .next_header = hop.protocol}, hop,
            hop.protocol, kSourcePort);
    }

    std::unique_ptr<KernelLab> lab_;
    std::vector<ObjectName> local_;
    Cluster cluster_;
};

}  // namespace

std::unique_ptr<Executor> make_kernel_executor() {
    return std::make_unique<KernelExecutor>();
}

}  // namespace catflap::test
