// SPDX-License-Identifier: Apache-2.0
// The eBPF engine: compiled tables in the datapath's maps.
#pragma once

#include <memory>

#include "agent/dataplane.h"
#include "kernel/datapath/datapath.h"

namespace catflap::agent {

class EbpfDataplane final : public Dataplane {
  public:
    static Result<std::unique_ptr<Dataplane>> open(const Options& options, const compile::Capacity& capacity);

    Result<compile::CommitReport> commit(const compile::Desired& desired) override;
    [[nodiscard]] bool broken() const override { return committer_.broken(); }
    [[nodiscard]] compile::Capacity capacity() const override { return datapath_->capacity(); }
    [[nodiscard]] bool collect_soon() const override { return committer_.collect_soon(); }
    Result<bool> collect(bool waited) override;
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
    [[nodiscard]] std::string attached_by() const override;
    Result<> list(const AgentState& state, report::Page& page) const override;
    [[nodiscard]] nlohmann::json status(const AgentState& state) const override;

    // For the reports.
    [[nodiscard]] const kernel::Datapath& datapath() const { return *datapath_; }
    [[nodiscard]] const compile::Loaded& loaded() const { return committer_.loaded(); }

  private:
    explicit EbpfDataplane(std::unique_ptr<kernel::Datapath> datapath)
        : datapath_(std::move(datapath)), committer_(datapath_->store(), compile::Limits(datapath_->capacity())) {}

    std::unique_ptr<kernel::Datapath> datapath_;
    compile::Committer committer_;
};

}  // namespace catflap::agent
