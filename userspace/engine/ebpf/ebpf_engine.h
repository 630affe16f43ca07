// SPDX-License-Identifier: Apache-2.0
// The eBPF engine: compiled tables in the datapath's maps.
#pragma once

#include <memory>

#include "compile/commit/committer.h"
#include "engine/ebpf/connection_listings.h"
#include "engine/engine.h"
#include "kernel/datapath/datapath.h"
#include "kernel/datapath/grace_period.h"

namespace catflap::engine {

class EbpfEngine final : public Engine {
  public:
    // uplink_programs: may still be those of an engine before this one.
    static Result<std::unique_ptr<Engine>> open(
        const Options& options, const compile::Capacity& capacity,
        std::shared_ptr<kernel::UplinkPrograms> uplink_programs = std::make_shared<kernel::UplinkPrograms>());

    Result<CommitReport> commit(const compile::Desired& desired) override;
    [[nodiscard]] bool broken() const override { return committer_.broken(); }
    [[nodiscard]] compile::Capacity capacity() const override { return datapath_->capacity(); }
    [[nodiscard]] int fd() const override { return grace_.fd(); }
    void begin_reclaiming() override;
    Result<bool> reclaim() override;
    Result<bool> reclaim_now() override;
    Result<std::optional<size_t>> adopt_connections() override;
    [[nodiscard]] bool owes_connections() const override { return !datapath_->flows_adopted(); }
    void owe_connections() override { datapath_->set_flows_adopted(false); }
    Result<> take_over() override { return datapath_->take_over(); }
    Result<> attach(uint32_t ifindex, const std::string& interface) override;
    [[nodiscard]] bool attached(uint32_t ifindex) const override { return datapath_->attachments().attached(ifindex); }
    void keep_only(const std::vector<uint32_t>& present) override;
    bool audit() override;
    std::vector<Mended> take_mends() override;
    [[nodiscard]] std::vector<kernel::Pin> pins() const override { return datapath_->pins(); }
    [[nodiscard]] bool asks_conntrack() const override { return datapath_->asks_conntrack(); }
    [[nodiscard]] bool redirects() const override { return datapath_->redirects(); }
    std::map<uint32_t, std::string> set_gates(const std::map<uint32_t, catflap_redirect_gate>& gates,
                                              const std::map<uint32_t, catflap_uplink>& uplinks) override;
    [[nodiscard]] std::string refuses_uplinks() const override;
    [[nodiscard]] Result<std::map<uint32_t, std::string>> others_at(const std::set<uint32_t>& interfaces,
                                                                    const std::set<uint32_t>& uplinks) override;
    [[nodiscard]] EarlyDrop early_drop() const override;
    std::map<uint32_t, std::string> set_uplinks(const std::set<uint32_t>& uplinks) override;
    [[nodiscard]] std::string attached_by() const override;
    [[nodiscard]] std::optional<bool> admits(uint32_t ifindex, resolve::Direction direction, const Address& remote,
                                             uint8_t protocol, uint16_t port) const override;
    std::unique_ptr<Comparison> compare(const ComparisonOrder& order, bool asked) override;
    Result<> listen(const Listening& what) override;
    size_t read_events(size_t most, const TakeEvent& take) override;
    [[nodiscard]] EventLosses event_losses() const override;
    Result<> list(const View& view, report::Page& page) const override;
    [[nodiscard]] report::EngineStatus status(const View& view) const override;

    // For comparison.h.
    compile::Committer& committer() { return committer_; }
    kernel::Datapath& datapath() { return *datapath_; }
    // Of a slot, as set_gates() set it last.
    [[nodiscard]] catflap_redirect_gate gate(uint32_t slot) const {
        return gates_.empty() ? CATFLAP_REDIRECT_NOTHING : gates_[slot];
    }
    // A sentence where the program on an uplink is not the one that set_uplinks() put there; "".
    [[nodiscard]] std::string look_at_uplink(uint32_t ifindex) const;
    // set_uplinks() and set_gates() with the uplinks of the last calls.
    std::map<uint32_t, std::string> keep_uplinks();

    // For the lists.
    [[nodiscard]] const kernel::Datapath& datapath() const { return *datapath_; }
    [[nodiscard]] const compile::Loaded& loaded() const { return committer_.loaded(); }
    [[nodiscard]] bool keeps_established() const { return keeps_established_; }
    // That somebody reads.
    [[nodiscard]] ConnectionListings& listings() const { return *listings_; }

  private:
    EbpfEngine(std::unique_ptr<kernel::Datapath> datapath, kernel::GracePeriod grace, const Options& options,
               std::shared_ptr<kernel::UplinkPrograms> uplink_programs)
        : datapath_(std::move(datapath)),
          committer_(datapath_->store(), compile::Limits(datapath_->capacity())),
          grace_(std::move(grace)),
          keeps_established_(engine::keeps_established(options)),
          early_drop_wish_(options.early_drop),
          uplink_programs_(std::move(uplink_programs)),
          has_tcx_(kernel::probe_attach_mode(datapath_->from_pod_fd()) == kernel::AttachMode::tcx) {}
    [[nodiscard]] std::optional<kernel::UplinkHook> early_drop_hook() const;
    std::map<uint32_t, std::string> keep_from_uplink();
    std::map<uint32_t, std::string> keep_ways();
    void close_short_ways();
    Result<bool> settle(const std::vector<std::pair<uint32_t, compile::DecisionKey>>& unused);

    std::unique_ptr<kernel::Datapath> datapath_;
    compile::Committer committer_;
    // What commits retire is given back after a grace period.
    kernel::GracePeriod grace_;
    uint64_t commits_ = 0;
    uint64_t reclaimed_ = 0;  // the committer's retirements() for which that is done, or under way
    int interrupted_ = 0;     // grace periods in which something was committed, one after the other
    bool keeps_established_;
    EarlyDropWish early_drop_wish_;
    std::shared_ptr<kernel::UplinkPrograms> uplink_programs_;
    // Which of them need the program from_uplink, and for what.
    std::set<uint32_t> early_uplinks_;
    std::set<uint32_t> short_uplinks_;
    std::set<uint32_t> uplinks_;                // that the agent named last, for early drop
    std::map<uint32_t, catflap_uplink> ways_;   // and for the short way
    std::vector<catflap_redirect_gate> gates_;  // by slot
    bool has_tcx_;                              // whatever hook the pods' interfaces have
    std::unique_ptr<ConnectionListings> listings_ = std::make_unique<ConnectionListings>();
};

}  // namespace catflap::engine
