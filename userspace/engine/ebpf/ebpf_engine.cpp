// SPDX-License-Identifier: Apache-2.0
#include "agent/ebpf_dataplane.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/report_ebpf.h"
#include "kernel/datapath/flows.h"

namespace catflap::agent {

Result<std::unique_ptr<Dataplane>> EbpfDataplane::open(const Options& options, const compile::Capacity& capacity) {
    kernel::DatapathOptions wanted;
    wanted.pin_dir = options.pin_dir;
    wanted.audit = options.mode == Mode::audit;
    wanted.keep_established = keeps_established(options);
    wanted.attach = options.attach;
    wanted.capacity = capacity;
    wanted.locked = true;  // by the agent
    auto datapath = kernel::Datapath::open(wanted);
    if (!datapath)
        return tl::unexpected(datapath.error());
    std::unique_ptr<EbpfDataplane> dataplane(new EbpfDataplane(std::move(*datapath)));
    compile::Committer& committer = dataplane->committer_;
    for (const auto& [number, key] : dataplane->datapath_->ledger().found())
        committer.adopt_decision(number, key);
    for (uint32_t slot = 0; slot < CATFLAP_MAX_ENDPOINTS; ++slot)
        committer.adopt_generation(slot, dataplane->datapath_->ledger().generation(slot));
    for (const auto& [ifindex, slot] : dataplane->datapath_->adopted())
        committer.adopt_slot(ifindex, slot);
    return dataplane;
}

Result<compile::CommitReport> EbpfDataplane::commit(const compile::Desired& desired) {
    return committer_.commit(desired);
}

Result<bool> EbpfDataplane::collect(bool waited) {
    auto unused = waited ? committer_.after_grace_period() : committer_.collect();
    if (!unused)
        return tl::unexpected(unused.error());
    for (const auto& [decision, key] : *unused) {
        if (auto done = datapath_->ledger().settle(decision, key); !done)
            return tl::unexpected(done.error());
        committer_.release(key);
    }
    // What only retired tables told apart can fall together now.
    return committer_.leftovers();
}

// From the kernel's conntrack, before the first packet could be cut.
Result<std::optional<size_t>> EbpfDataplane::adopt_connections() {
    if (datapath_->flows_adopted())
        return std::optional<size_t>();
    const auto adopted = kernel::adopt_conntrack(datapath_->map_fd("flows"), committer_.loaded().endpoints);
    if (!adopted)
        return tl::unexpected(adopted.error());
    datapath_->set_flows_adopted(true);
    return std::optional<size_t>(*adopted);
}

Result<> EbpfDataplane::attach(uint32_t ifindex, const std::string& interface) {
    if (auto done = committer_.withdraw_if_another(ifindex, interface); !done)
        return done;
    return datapath_->attach(ifindex);
}

void EbpfDataplane::keep_only(const std::vector<uint32_t>& present) {
    for (const uint32_t ifindex : datapath_->attachments().interfaces())
        if (std::ranges::find(present, ifindex) == present.end())
            datapath_->forget(ifindex);
}

bool EbpfDataplane::audit() {
    datapath_->audit_attachments();
    return false;  // what is not attached any more gets attached, and its tables are where they were
}

std::vector<Mended> EbpfDataplane::take_mends() {
    std::vector<Mended> mended;
    for (std::string& line : datapath_->take_off_foreign())
        mended.push_back({MendKind::foreign, std::move(line)});
    return mended;
}

std::string EbpfDataplane::attached_by() const {
    return std::string(to_string(datapath_->attachments().mode()));
}

Result<> EbpfDataplane::list(const AgentState& state, report::Page& page) const {
    return list_ebpf(state, *this, page);
}

nlohmann::json EbpfDataplane::status(const AgentState& state) const {
    return report_ebpf_status(state, *this);
}

}  // namespace catflap::agent
