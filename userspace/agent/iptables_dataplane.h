// SPDX-License-Identifier: Apache-2.0
// The iptables engine: chains and sets, as docs/iptables.md describes them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "agent/dataplane.h"
#include "iptables/apply/engine.h"

namespace catflap::agent {

class IptablesDataplane final : public Dataplane {
  public:
    static Result<std::unique_ptr<Dataplane>> open(const Options& options);

    Result<compile::CommitReport> commit(const compile::Desired& desired) override;
    // Nothing hangs on an interface: what no dispatch chain knows is dropped.
    Result<> attach(uint32_t, const std::string&) override { return {}; }
    [[nodiscard]] bool attached(uint32_t) const override { return true; }
    void keep_only(const std::vector<uint32_t>&) override {}
    bool audit() override;
    [[nodiscard]] std::string attached_by() const override;
    [[nodiscard]] Result<nlohmann::json> items(const AgentState& state, const std::string& kind) const override;
    [[nodiscard]] nlohmann::json status(const AgentState& state) const override;

    // For the reports: what is in force, and every rule of it with its counter.
    [[nodiscard]] const iptables::State& enforced() const { return enforced_; }
    using TakeRule = std::function<void(const iptables::Chain&, const iptables::Rule&, const iptables::RuleCount&)>;
    Result<> for_each_rule(const TakeRule& take) const;

  private:
    explicit IptablesDataplane(iptables::Engine engine) : engine_(std::move(engine)) {}

    iptables::Engine engine_;
    iptables::State enforced_;
    std::chrono::steady_clock::time_point compared_at_ = std::chrono::steady_clock::now();  // with the kernel
};

}  // namespace catflap::agent
