// SPDX-License-Identifier: Apache-2.0
// The real programs and maps, without traffic: packets go through them by BPF_PROG_TEST_RUN.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compile/commit/committer.h"
#include "kernel/datapath/datapath.h"
#include "support/kernel/tracker.h"
#include "support/packets/packet.h"

namespace catflap::test {

enum class Hook { from_pod, to_pod, from_uplink };

// What a packet's skb says beside its bytes.
struct SkbFields {
    uint32_t ifindex = 1;
    uint32_t ingress_ifindex = 99;  // forwarded; 0: made by the node itself
    uint32_t gso_segments = 0;
    uint32_t gso_size = 0;
};

struct Outcome {
    bool passed = false;
    bool redirected = false;  // passed by the short way
    Bytes frame;              // as the program left it
};

// CATFLAP_LAB=tracked in the environment: laboratories are as on a node where nf_conntrack is the flow table of TCP and
// UDP. Else the datapath has flows of its own, as on older kernels.
bool laboratories_track();

struct LabOptions {
    bool audit = false;
    bool keep_established = false;
    bool tracked = laboratories_track();  // nf_conntrack is the flow table, and knows what the frames say
    bool redirects = false;               // the short way between two pods
    uint64_t settle_jiffies = 0;          // before a flow takes it
    bool early_drop = false;              // the programs of the uplinks
    uint64_t early_sample_ns = 0;
    uint64_t fast_flow_jiffies = uint64_t{1} << 40;  // never too old: a busy machine may let a test wait at any place
    std::optional<kernel::AttachMode> attach{};      // nothing: what the kernel has
};

// The last frame that any laboratory of this process ran, and what became of it: for the message of a failed assertion.
// "": none yet.
std::string describe_last_run();

// A datapath of its own in a network namespace of its own (the calling thread's from then on), with interfaces to hang
// endpoints on. Everything goes with the object.
class KernelLab {
  public:
    // Throws std::runtime_error: a test cannot go on without it.
    explicit KernelLab(const LabOptions& options = {});
    ~KernelLab();
    KernelLab(const KernelLab&) = delete;
    KernelLab& operator=(const KernelLab&) = delete;

    // Commits a cluster; the pods named hang on interfaces 1, 2, ... in this order.
    void enforce(const Cluster& cluster, const std::vector<ObjectName>& local_pods);
    // As above with other endpoints.
    void enforce(const Cluster& cluster, const std::vector<compile::EndpointSpec>& endpoints);

    // True: passed, to the node's stack or by the short way to another pod.
    bool run(Hook hook, const Bytes& frame, const SkbFields& fields = {}) { return send(hook, frame, fields).passed; }
    // A frame that comes in from the wire. True: the uplink's program lets it go on.
    bool comes_in(kernel::UplinkProgram program, const Bytes& frame);
    // from_uplink: fields.ifindex is the uplink's, and the frame comes to its address whatever its bytes say.
    Outcome send(Hook hook, const Bytes& frame, const SkbFields& fields = {});
    // Of an endpoint by its interface: what of its traffic may take the short way.
    void set_gate(uint32_t ifindex, catflap_redirect_gate gate);
    // The only uplink; ways: of catflap_uplink_way.
    void set_uplink(uint32_t ifindex, uint32_t ways);
    // Sends the frame over a real veth into from_pod of interface 2, which it attaches to: BPF_PROG_TEST_RUN refuses
    // frames that end before the IP header does.
    void send_to_interface_2(const Bytes& frame);
    // How often the reason was counted, and what else the kernel counted.
    uint64_t drops(catflap_reason reason) const;
    kernel::EndpointCounts counts(size_t endpoint = 0) const;
    void forget_flows();
    // Of the fast path alone: as if its entries had expired.
    void forget_fast_flows();
    size_t flows() const;

    [[nodiscard]] const std::filesystem::path& pin_dir() const { return pin_dir_; }
    // nf_conntrack forgets everything.
    void forget_connections();
    kernel::Datapath& datapath() { return *datapath_; }
    compile::Committer& committer() { return *committer_; }

  private:
    void collect();
    std::filesystem::path pin_dir_;
    std::unique_ptr<kernel::Datapath> datapath_;
    std::unique_ptr<compile::Committer> committer_;
    std::unique_ptr<Tracker> tracker_;  // none: the datapath has flows of its own
    UniqueFd peer_socket_;
};

}  // namespace catflap::test
