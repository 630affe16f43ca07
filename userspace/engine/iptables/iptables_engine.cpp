// SPDX-License-Identifier: Apache-2.0
#include "engine/iptables/iptables_engine.h"

#include <algorithm>

#include "engine/iptables/lists.h"
#include "compile/admission/admission.h"

namespace catflap::engine {
namespace {

// How long somebody else's change of our chains may last.
constexpr auto kCompareEvery = std::chrono::seconds(60);

std::vector<iptables::Endpoint> endpoints_of(const compile::Desired& desired, const InterfacePrefixes& prefixes) {
    std::vector<iptables::Endpoint> endpoints;
    for (const compile::EndpointSpec& spec : desired.endpoints)
        if (prefixes.match(spec.interface))  // the chains ask for no others
            endpoints.push_back({spec.interface, spec.pod});
    return endpoints;
}

}  // namespace

Result<std::unique_ptr<Engine>> IptablesEngine::open(const Options& options) {
    auto engine = iptables::Engine::open(options.backend);
    if (!engine)
        return tl::unexpected(engine.error());
    return std::unique_ptr<Engine>(new IptablesEngine(std::move(*engine), options.interface_prefixes));
}

Result<CommitReport> IptablesEngine::commit(const compile::Desired& desired) {
    // The same state is refused as in eBPF mode: who changes modes changes no verdict.
    if (!desired.same_endpoints && !compile::fits_easily(desired))
        if (auto fits = compile::measure(desired, compile::Limits()); !fits)
            return tl::unexpected(fits.error());
    iptables::RenderOptions options;
    options.families = engine_.families();
    options.interface_prefixes = prefixes_.list();
    iptables::State state = iptables::render(desired.cluster, endpoints_of(desired, prefixes_), options);
    const auto applied = engine_.apply(state);
    if (!applied)
        return tl::unexpected(applied.error());
    enforced_ = std::move(state);
    committed_ = true;
    CommitReport report;
    report.endpoints_changed = applied->endpoint_chains_written;
    report.addresses_changed = applied->members_written;
    report.tables_written = applied->chains_written;
    return report;
}

// What is in force is written again before anything new: so what it writes is what others changed.
bool IptablesEngine::audit() {
    const auto now = std::chrono::steady_clock::now();
    if (now - compared_at_ < kCompareEvery || !committed_)
        return false;
    compared_at_ = now;
    engine_.doubt();
    const auto applied = engine_.apply(enforced_);
    if (applied && applied->anything)
        mended_.push_back(
            {MendKind::chains, fmt::format("somebody else had changed our chains or sets: {} chains and {} members are "
                                           "written again",
                                           applied->chains_written, applied->members_written)});
    return !applied;  // a commit tries again, and tells the error
}

namespace {

// All at once, by programs: so it is done only for who asks, and by the audit once a minute. There is no comparing
// without writing: what differs is written again.
class ChainsComparison final : public Comparison {
  public:
    ChainsComparison(iptables::Engine& engine, const iptables::State& enforced)
        : engine_(engine), enforced_(enforced) {}

    bool step(Clock::time_point /*until*/) override {
        found_.repair = true;
        found_.notes.emplace_back("iptables mode cannot compare without writing: what differed is mended");
        report::CheckRow& check = found_.check("chains");
        check.checked = 1;
        engine_.doubt();
        const auto applied = engine_.apply(enforced_);
        if (!applied)
            check.unread = applied.error().message;
        else if (applied->anything)
            found_.add(
                {"chains", "our chains and sets", "as they were written",
                 fmt::format("{} chains and {} members that differ", applied->chains_written, applied->members_written),
                 "mended"},
                true);
        return true;
    }
    [[nodiscard]] report::Verification found() const override { return found_; }

  private:
    iptables::Engine& engine_;
    const iptables::State& enforced_;
    report::Verification found_;
};

}  // namespace

std::unique_ptr<Comparison> IptablesEngine::compare(const ComparisonOrder& /*order*/, bool asked) {
    return asked && committed_ ? std::make_unique<ChainsComparison>(engine_, enforced_) : nullptr;
}

std::string IptablesEngine::attached_by() const {
    return fmt::format("iptables-{}", to_string(engine_.backend()));
}

Result<const IptablesCounts*> IptablesEngine::counts() const {
    constexpr auto kFresh = std::chrono::seconds(1);
    // Of very many rules the reading takes long: whoever pages or scrapes takes a twentieth of the loop's time at most.
    constexpr int kRest = 20;
    const auto now = std::chrono::steady_clock::now();
    if (counts_ && now - counted_at_ < std::max<std::chrono::steady_clock::duration>(kFresh, kRest * counting_took_))
        return &*counts_;
    const auto counted = engine_.counts();
    if (!counted)
        return tl::unexpected(counted.error());
    counts_ = sum_counts(enforced_, *counted);
    counted_at_ = std::chrono::steady_clock::now();
    counting_took_ = counted_at_ - now;
    return &*counts_;
}

Result<> IptablesEngine::list(const View& view, report::Page& page) const {
    return list_iptables(view, *this, page);
}

report::EngineStatus IptablesEngine::status(const View& view) const {
    return iptables_status(view, *this);
}

}  // namespace catflap::engine
