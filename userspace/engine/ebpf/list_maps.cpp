// SPDX-License-Identifier: Apache-2.0
// The datapath's maps: what is in use of each, and of how much.
#include <algorithm>

#include "engine/ebpf/lists.h"
#include "kernel/datapath/census.h"
#include "kernel/maps/map.h"

namespace catflap::engine {
namespace {

constexpr const char* kEvicting = "full is normal: the least recently used entry makes room";
constexpr const char* kFixed = "fixed: all of it is always there";

struct Usage {
    size_t entries = 0;
    bool estimated = false;
    const char* note = "";
    bool fixed = false;  // it has all of its entries from the start, and cannot fill up
};

size_t configs_in_use(const compile::Loaded& loaded) {
    return static_cast<size_t>(
        std::ranges::count_if(loaded.endpoints, [](const auto& entry) { return entry.second.config != 0; }));
}

// An estimate that takes longer than this would keep the loop; see count_entries().
constexpr std::chrono::microseconds kPatience{3000};

Usage usage_of(const View& view, const EbpfEngine& engine, const kernel::NamedMap& map, const kernel::MapInfo& info) {
    const compile::Loaded& loaded = engine.loaded();
    const kernel::MapStore& store = engine.datapath().store();
    const std::string& name = map.name;
    if (name == "interfaces")
        return {loaded.endpoints.size()};
    if (name == "endpoint_configs")
        return {configs_in_use(loaded)};
    if (name == "ipv4_addresses")
        return {store.addresses().ipv4_count()};
    if (name == "ipv6_addresses")
        return {store.addresses().ipv6_count()};
    if (name == "cidrs")
        return {loaded.prefixes.size() + store.cidrs().pod_keys()};
    if (name == "table_pages")
        return {loaded.pools.pages.pages() - loaded.pools.pages.free_pages()};
    if (name == "rule_counters")
        return {loaded.decisions.numbers().size() + 1};
    if (name == "endpoint_counters")
        return {view.pods.size() * 2};
    if (name == "drop_counters")
        return {CATFLAP_REASON_COUNT};
    if (name == "flows" || name == "fragments") {
        const auto census = kernel::count_entries(map.fd, kPatience);
        return census ? Usage{census->entries, census->estimated, kEvicting} : Usage{0, true, kEvicting};
    }
    if (name == "events")
        return {info.max_entries, false, "bytes of a ring, in use while somebody monitors", true};
    return {info.max_entries / map.copies, false, kFixed, true};
}

// An element of the tables of addresses is a bucket.
size_t slots_per_element(const std::string& name) {
    return name == "ipv4_addresses" || name == "ipv6_addresses" ? CATFLAP_BUCKET_SLOTS : 1;
}

}  // namespace

std::vector<report::MapRow> map_rows(const View& view, const EbpfEngine& engine) {
    std::vector<report::MapRow> rows;
    for (const kernel::NamedMap& map : engine.datapath().maps()) {
        const auto info = kernel::map_info(map.fd);
        if (!info)
            continue;
        const Usage usage = usage_of(view, engine, map, *info);
        // Each CPU has a copy of every element of some arrays: an entry is one with all of its copies.
        const size_t max_entries = info->max_entries / map.copies * slots_per_element(map.name);
        const double fill = max_entries == 0 || usage.fixed
                                ? 0
                                : 100.0 * static_cast<double>(usage.entries) / static_cast<double>(max_entries);
        report::MapRow row;
        row.name = map.name;
        row.type = kernel::map_type_name(info->type);
        row.key_bytes = info->key_bytes;
        row.value_bytes = info->value_bytes;
        row.entries = usage.entries;
        row.estimated = usage.estimated;
        row.fixed = usage.fixed;
        row.max_entries = max_entries;
        row.memory_bytes = kernel::map_memory_bytes(map.fd);
        row.fill_percent = fill;
        row.note = usage.note;
        row.pinned = map.pinned;
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace catflap::engine
