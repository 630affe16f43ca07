// SPDX-License-Identifier: Apache-2.0
// The loaded programs, their maps, and what stays of them in bpffs when the agent goes.
//
// Every start loads the programs and the tables' maps anew, takes over what has to outlive the agent (flows, counters,
// the ledger), and exchanges the programs interface by interface when the new tables are complete: a restart, an
// upgrade of the programs and a repair are one and the same path, and no packet passes unjudged in any of them.
// Where they are pinned: kernel/datapath/pin_directory.h.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "compile/plan/loaded.h"
#include "kernel/attach/attach.h"
#include "kernel/datapath/events.h"
#include "kernel/datapath/ledger.h"
#include "kernel/maps/map_names.h"
#include "kernel/maps/map_store.h"

namespace catflap::kernel {

enum class UplinkProgram : uint8_t { from_uplink, to_uplink, early_drop_xdp };

struct DatapathOptions {
    std::filesystem::path pin_dir;
    bool audit = false;
    bool keep_established = false;
    // The age at which an entry of the fast path expires; 0: no fast path, as always with PREEMPT_RT.
    uint64_t fast_flow_jiffies = CATFLAP_FAST_FLOW_JIFFIES;
    // nf_conntrack is the flow table of TCP and UDP, where the kernel can do it and keep_established does not forbid
    // it.
    bool tracked = true;
    // Established flows may take the short way, to another pod of this node or by an uplink, by what redirect_gates and
    // uplinks say.
    bool redirects = false;
    // So long a UDP flow's packets go the whole way, although they have shown the short one.
    uint64_t settle_jiffies = 1;
    // Where nf_conntrack is the flow table: from_uplink drops early, or there is a program of XDP that does.
    bool early_drop_tc = false;
    bool early_drop_xdp = false;
    uint64_t early_sample_ns = 1'000'000'000;  // one packet in this time is left to to_pod; 0: none
    std::optional<AttachMode> attach;          // nothing: what the kernel has
    compile::Capacity capacity;                // at least
    bool locked = false;                       // the caller holds the lock of pin_dir
};

struct NamedMap {
    std::string name;
    int fd = -1;
    std::string pinned;   // its path; "": not pinned
    uint32_t copies = 1;  // of each element, one for a CPU: see catflap_counter in abi.h
};

struct EndpointCounts {
    catflap_endpoint_counter from_pod{};
    catflap_endpoint_counter to_pod{};
};

class Datapath {
  public:
    // Fails with what is missing and what to do about it: bpffs, BTF, permission, a helper of the kernel.
    static Result<std::unique_ptr<Datapath>> open(const DatapathOptions& options);
    ~Datapath();

    [[nodiscard]] MapStore& store() { return *store_; }
    [[nodiscard]] const MapStore& store() const { return *store_; }
    [[nodiscard]] Ledger& ledger() { return *ledger_; }
    [[nodiscard]] const Ledger& ledger() const { return *ledger_; }
    [[nodiscard]] const Attachments& attachments() const { return attachments_; }

    // Endpoints of the agent that ran before, by ifindex.
    [[nodiscard]] const std::map<uint32_t, compile::AdoptedSlot>& adopted() const { return adopted_; }
    // As asked for, or as large as what an earlier agent left needs.
    [[nodiscard]] const compile::Capacity& capacity() const { return options_.capacity; }
    // True: the flows of an earlier agent were taken over.
    [[nodiscard]] bool flows_adopted() const { return flows_adopted_; }
    void set_flows_adopted(bool adopted) { flows_adopted_ = adopted; }

    // True: a reply whose flow was evicted is looked up in nf_conntrack (kernel 5.18, with nf_conntrack loaded).
    [[nodiscard]] bool asks_conntrack() const { return conntrack_; }
    // True: TCP and UDP have no flows here, nf_conntrack has them.
    [[nodiscard]] bool tracked() const { return tracked_ && !saw_untracked(); }
    // True: a rule exempts packets of pods from nf_conntrack (NOTRACK), so the datapath keeps flows of its own again.
    [[nodiscard]] bool saw_untracked() const;

    // False where they were not asked for, where nf_conntrack is not the flow table (only it knows what is translated),
    // and with PREEMPT_RT, whose programs may meet half a copy.
    [[nodiscard]] bool redirects() const { return options_.redirects && tracked_; }

    // After the first commit: pins this agent's state in place of the earlier one's.
    Result<> take_over();
    Result<> attach(uint32_t ifindex);
    [[nodiscard]] std::array<std::string, 2> look_at(uint32_t ifindex) { return attachments_.look_at(ifindex); }
    void forget(uint32_t ifindex) { attachments_.forget(ifindex); }
    bool audit_attachments() { return attachments_.audit(); }
    std::vector<std::string> take_off_foreign() { return attachments_.take_off_foreign(); }
    // What has to be pinned now, so that the next agent finds it.
    [[nodiscard]] std::vector<Pin> pins() const;

    [[nodiscard]] std::vector<NamedMap> maps() const;
    [[nodiscard]] int map_fd(MapName name) const;
    [[nodiscard]] EndpointCounts endpoint_counts(uint32_t slot) const;
    Result<catflap_counter> drop_count(uint32_t reason) const;
    Result<catflap_health> health() const;

    // What is told of single packets from now on: bits, CATFLAP_LISTEN_...; 0: nothing. It ends by itself after so
    // long, if it was not renewed.
    Result<> listen(uint32_t what, std::chrono::milliseconds at_most);
    [[nodiscard]] uint32_t listening() const;
    size_t read_events(size_t most, const std::function<void(const catflap_event&)>& take);
    // Since the programs were loaded.
    [[nodiscard]] Result<catflap_event_losses> event_losses() const;

    // -1: it is not loaded.
    [[nodiscard]] int uplink_fd(UplinkProgram program) const;

    // For BPF_PROG_TEST_RUN.
    [[nodiscard]] int from_pod_fd() const;
    [[nodiscard]] int to_pod_fd() const;

  private:
    struct Programs;
    explicit Datapath(DatapathOptions options);
    Result<> prepare_directory();
    Result<> load();
    Result<> load_best_programs();
    Result<> load_programs();
    Result<> reuse_kept_maps();
    Result<> find_capacity();
    bool outgrow(UniqueFd& pinned, const MapInfo& info);
    void take_over_rule_counters(const CpuArray<catflap_counter>& counters);
    Result<> add_late_counts();
    Result<> read_adopted();
    Result<> rename_pins(const std::filesystem::path& from, const std::filesystem::path& to);
    Result<> open_counters();
    Result<> open_store();

    DatapathOptions options_;
    std::unique_ptr<Programs> programs_;
    EndpointCounters endpoint_counters_;
    std::optional<Ledger> ledger_;
    std::unique_ptr<MapStore> store_;
    Attachments attachments_{AttachMode::tcx, {}};
    std::map<uint32_t, compile::AdoptedSlot> adopted_;
    // Smaller counters of an earlier agent, in which its programs go on counting until they are exchanged.
    std::optional<CpuArray<catflap_counter>> outgrown_;
    std::vector<catflap_counter> outgrown_counts_;  // that were taken over
    bool flows_adopted_ = false;
    bool conntrack_ = false;
    bool tracked_ = false;
    bool static_functions_ = false;  // see make_functions_static()
    bool took_over_ = false;
    uint32_t cpus_ = 1;
    std::optional<EventRing> events_;  // once somebody has listened
    UniqueFd lock_;                    // on pin_dir: two agents must not share it
};

// Takes away what is ours under pin_dir, our filters on these interfaces, and other catflaps' programs there. Says in
// the log what it left, and what it found of others.
Result<> remove_datapath(const std::filesystem::path& pin_dir, const std::vector<uint32_t>& interfaces);

}  // namespace catflap::kernel
