// SPDX-License-Identifier: Apache-2.0
// How large the maps are that grow, and what is carried over into larger ones.
#include <algorithm>
#include <bit>

#include "kernel/datapath/datapath.h"

namespace catflap::kernel {
namespace {

// Behind the last page of the tables that it names.
uint32_t pages_of(const catflap_endpoint_config& config) {
    uint32_t pages = 0;
    for (const catflap_table& table : config.tables) {
        const auto extend = [&](uint32_t first, uint32_t elements, uint32_t of_a_page) {
            pages = std::max(pages, first + (elements + of_a_page - 1) / of_a_page);
        };
        extend(table.rows_page, table.class_count, CATFLAP_PAGE_U16);
        extend(table.columns_page, table.port_class_count, CATFLAP_PAGE_U16);
        extend(table.cells_page, table.cell_count, CATFLAP_PAGE_U32);
    }
    return pages;
}

}  // namespace

// As large as the earlier agent's tables: what grew with the load shrinks with it, at the next start.
Result<> Datapath::find_capacity() {
    compile::Capacity& capacity = options_.capacity;
    for (const char* room : {"state", "state_next"}) {
        auto configs = open_pinned(options_.pin_dir / room / "endpoint_configs");
        if (!configs || !*configs)
            continue;
        const auto info = map_info((*configs)->get());
        if (!info || info->value_bytes != sizeof(catflap_endpoint_config))
            continue;
        auto records =
            MappedArray<catflap_endpoint_config>::map((*configs)->get(), "endpoint_configs", info->max_entries);
        if (!records)
            return tl::unexpected(records.error());
        uint32_t pages = 1;
        for (const catflap_endpoint_config& config : records->values())
            pages = std::max(pages, pages_of(config));
        capacity.pages = std::clamp<uint32_t>(std::bit_ceil(pages), capacity.pages, CATFLAP_TABLE_PAGES);
        break;
    }
    auto counters = open_pinned(options_.pin_dir / "keep" / "rule_counters");
    const auto info = counters && *counters ? map_info((*counters)->get()) : fail("none");
    if (info && info->max_entries / cpus_ <= CATFLAP_MAX_RULES)
        capacity.decisions = std::max(capacity.decisions, info->max_entries / cpus_);
    return {};
}

// Decisions keep their numbers; packets that the old programs judge until they are exchanged come on top in
// take_over().
bool Datapath::outgrow(UniqueFd& pinned, const MapInfo& info) {
    const uint32_t elements = info.max_entries / cpus_;
    if (info.value_bytes != sizeof(catflap_counter) || elements * cpus_ != info.max_entries ||
        elements > options_.capacity.decisions)
        return false;
    auto counters = CpuArray<catflap_counter>::map(pinned.get(), "rule_counters", elements);
    if (!counters)
        return false;
    outgrown_ = std::move(*counters);
    return true;
}

void Datapath::take_over_rule_counters(const CpuArray<catflap_counter>& counters) {
    if (!outgrown_)
        return;
    for (uint32_t number = 0; number < outgrown_->elements(); ++number) {
        outgrown_counts_.push_back(outgrown_->sum(number));
        if (outgrown_counts_.back().packets != 0)
            counters.add(number, outgrown_counts_.back());
    }
}

Result<> Datapath::add_late_counts() {
    for (const auto& [number, key] : ledger_->found()) {
        if (!outgrown_ || number >= outgrown_->elements())
            continue;
        const catflap_counter now = outgrown_->sum(number);
        const catflap_counter& before = outgrown_counts_[number];
        if (now.packets != before.packets)
            if (auto done = ledger_->add_counts(key, {now.packets - before.packets, now.bytes - before.bytes}); !done)
                return done;
    }
    outgrown_.reset();
    outgrown_counts_.clear();
    return {};
}

}  // namespace catflap::kernel
