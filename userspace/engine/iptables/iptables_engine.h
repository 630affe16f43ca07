// SPDX-License-Identifier: Apache-2.0
// The iptables engine: chains and sets, as docs/iptables.md describes them.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "engine/engine.h"
#include "engine/iptables/counts.h"
#include "iptables/apply/engine.h"

namespace catflap::engine {

class IptablesEngine final : public Engine {
  public:
    static Result<std::unique_ptr<Engine>> open(const Options& options);

    Result<CommitReport> commit(const compile::Desired& desired) override;
    // Nothing hangs on an interface: what no dispatch chain knows is dropped.
    Result<> attach(uint32_t, const std::string&) override { return {}; }
    [[nodiscard]] bool attached(uint32_t) const override { return true; }
    void keep_only(const std::vector<uint32_t>&) override {}
    bool audit() override;
    std::unique_ptr<Comparison> compare(const ComparisonOrder& order, bool asked) override;
    std::vector<Mended> take_mends() override { return std::exchange(mended_, {}); }
    [[nodiscard]] bool follows_renames() const override { return false; }
    [[nodiscard]] std::string attached_by() const override;
    Result<> list(const View& view, report::Page& page) const override;
    [[nodiscard]] report::EngineStatus status(const View& view) const override;

    // For the reports: what is in force, and what its rules counted.
    [[nodiscard]] const iptables::State& enforced() const { return enforced_; }
    // Not older than a second: iptables-save takes long enough to be asked once for all pages of a list.
    [[nodiscard]] Result<const IptablesCounts*> counts() const;

  private:
    IptablesEngine(iptables::Engine engine, InterfacePrefixes prefixes)
        : engine_(std::move(engine)), prefixes_(std::move(prefixes)) {}

    iptables::Engine engine_;
    InterfacePrefixes prefixes_;
    iptables::State enforced_;
    mutable std::optional<IptablesCounts> counts_;
    mutable std::chrono::steady_clock::time_point counted_at_{};
    mutable std::chrono::steady_clock::duration counting_took_{};
    bool committed_ = false;
    std::vector<Mended> mended_;
    std::chrono::steady_clock::time_point compared_at_ = std::chrono::steady_clock::now();  // with the kernel
};

}  // namespace catflap::engine
