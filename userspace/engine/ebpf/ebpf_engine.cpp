// SPDX-License-Identifier: Apache-2.0
#include "engine/ebpf/ebpf_engine.h"

#include <algorithm>

#include "engine/ebpf/lists.h"
#include "engine/ebpf/opener_rule.h"
#include "kernel/datapath/flows.h"

namespace catflap::engine {

Result<std::unique_ptr<Engine>> EbpfEngine::open(const Options& options, const compile::Capacity& capacity,
                                                 std::shared_ptr<kernel::UplinkPrograms> uplink_programs) {
    kernel::DatapathOptions wanted;
    wanted.pin_dir = options.pin_dir;
    wanted.audit = options.mode == Mode::audit;
    wanted.keep_established = engine::keeps_established(options);
    wanted.redirects = options.fast_path != FastPathWish::off && options.mode == Mode::ebpf;
    if (options.mode == Mode::ebpf) {
        wanted.early_drop_tc =
            options.early_drop == EarlyDropWish::automatic || options.early_drop == EarlyDropWish::tc;
        wanted.early_drop_xdp = options.early_drop != EarlyDropWish::off && !wanted.early_drop_tc;
    }
    wanted.attach = options.attach;
    wanted.capacity = capacity;
    wanted.locked = true;  // by the agent
    auto grace = kernel::GracePeriod::open();
    if (!grace)
        return tl::unexpected(grace.error());
    auto datapath = kernel::Datapath::open(wanted);
    if (!datapath)
        return tl::unexpected(datapath.error());
    std::unique_ptr<EbpfEngine> engine(
        new EbpfEngine(std::move(*datapath), std::move(*grace), options, std::move(uplink_programs)));
    compile::Committer& committer = engine->committer_;
    for (const auto& [number, key] : engine->datapath_->ledger().found())
        committer.adopt_decision(number, key);
    for (uint32_t slot = 0; slot < CATFLAP_MAX_ENDPOINTS; ++slot)
        committer.adopt_generation(slot, engine->datapath_->ledger().generation(slot));
    for (const auto& [ifindex, slot] : engine->datapath_->adopted())
        committer.adopt_slot(ifindex, slot);
    return engine;
}

Result<CommitReport> EbpfEngine::commit(const compile::Desired& desired) {
    auto done = committer_.commit(desired);
    if (!done)
        return tl::unexpected(done.error());
    if (commits_++ == 0)
        close_short_ways();
    if (committer_.collect_soon())
        begin_reclaiming();
    CommitReport report;
    report.endpoints_changed = done->endpoints_changed;
    report.addresses_changed = done->addresses_changed;
    report.tables_written = done->tables_written;
    report.mixed_services = std::move(done->mixed_services);
    report.without_place = std::move(done->without_place);
    return report;
}

// Nobody waits for a grace period: it takes longer than most changes.
void EbpfEngine::begin_reclaiming() {
    listings_->expire(ConnectionListings::Clock::now());
    if (reclaimed_ == committer_.retirements() || grace_.under_way())
        return;
    // Where it cannot begin, the next second tries again.
    if (grace_.begin())
        reclaimed_ = committer_.retirements();
}

Result<bool> EbpfEngine::reclaim() {
    // Where commits come faster than grace periods go by.
    constexpr int kPatience = 20;
    if (!grace_.under_way())
        return false;
    if (auto over = grace_.end(); !over) {
        reclaimed_ = 0;  // the next second tries again
        return tl::unexpected(over.error());
    }
    // For what was retired in between another one is due.
    const bool waited = reclaimed_ == committer_.retirements();
    if (!waited && ++interrupted_ < kPatience) {
        begin_reclaiming();
        return false;
    }
    interrupted_ = 0;
    reclaimed_ = committer_.retirements();
    return waited ? settle(committer_.after_grace_period()) : reclaim_now();
}

Result<bool> EbpfEngine::reclaim_now() {
    const auto unused = committer_.collect();
    if (!unused)
        return tl::unexpected(unused.error());
    return settle(*unused);
}

// Their counts are final.
Result<bool> EbpfEngine::settle(const std::vector<std::pair<uint32_t, compile::DecisionKey>>& unused) {
    for (const auto& [decision, key] : unused) {
        if (auto done = datapath_->ledger().settle(decision, key); !done)
            return tl::unexpected(done.error());
        committer_.release(key);
    }
    // What only retired tables told apart can be merged now.
    return committer_.leftovers();
}

// From the kernel's conntrack, before the first packet could be cut.
Result<std::optional<size_t>> EbpfEngine::adopt_connections() {
    if (datapath_->flows_adopted())
        return std::optional<size_t>();
    const auto adopted =
        kernel::adopt_conntrack(datapath_->map_fd("flows"), committer_.loaded().endpoints, datapath_->tracked());
    if (!adopted)
        return tl::unexpected(adopted.error());
    datapath_->set_flows_adopted(true);
    return std::optional<size_t>(*adopted);
}

Result<> EbpfEngine::attach(uint32_t ifindex, const std::string& interface) {
    if (auto done = committer_.withdraw_if_another(ifindex, interface); !done)
        return done;
    return datapath_->attach(ifindex);
}

void EbpfEngine::keep_only(const std::vector<uint32_t>& present) {
    for (const uint32_t ifindex : datapath_->attachments().interfaces())
        if (std::ranges::find(present, ifindex) == present.end())
            datapath_->forget(ifindex);
}

bool EbpfEngine::audit() {
    datapath_->audit_attachments();
    return false;  // what is not attached any more gets attached, and its tables are where they were
}

std::vector<Mended> EbpfEngine::take_mends() {
    std::vector<Mended> mended;
    for (std::string& line : datapath_->take_off_foreign())
        mended.push_back({MendKind::foreign, std::move(line)});
    return mended;
}

std::string EbpfEngine::attached_by() const {
    return std::string(to_string(datapath_->attachments().mode()));
}

std::optional<bool> EbpfEngine::admits(uint32_t ifindex, resolve::Direction direction, const Address& remote,
                                       uint8_t protocol, uint16_t port) const {
    const auto endpoint = loaded().endpoints.find(ifindex);
    if (endpoint == loaded().endpoints.end() || endpoint->second.config == 0)
        return std::nullopt;
    kernel::ConnectionEnd end;
    end.endpoint = &endpoint->second;
    end.opener = direction == resolve::Direction::egress ? CATFLAP_OPENER_FROM_POD : CATFLAP_OPENER_TO_POD;
    end.remote = end.judged = remote;
    end.remote_port = end.judged_port = port;
    const auto cell = cell_of_opener(*this, end, protocol);
    return cell ? std::optional((*cell & CATFLAP_CELL_ALLOW) != 0) : std::nullopt;
}

Result<> EbpfEngine::list(const View& view, report::Page& page) const {
    return list_ebpf(view, *this, page);
}

report::EngineStatus EbpfEngine::status(const View& view) const {
    return ebpf_status(view, *this);
}

}  // namespace catflap::engine
