// SPDX-License-Identifier: Apache-2.0
// What one agent's datapath leaves to the next: pins below PIN_DIR, and how they change hands so that at every moment
// there is one complete set to be found.
#include <spdlog/spdlog.h>

#include "kernel/attach/foreign.h"
#include "kernel/datapath/datapath.h"
#include "kernel/datapath/libbpf_log.h"
#include "kernel/datapath/pin_directory.h"

namespace catflap::kernel {
namespace {

namespace fs = std::filesystem;

// Files that are not ours stay: what follows may fail on them, and says so.
Result<> remove_maps(const fs::path& directory) {
    const auto left = remove_map_pins(directory);
    return left ? Result<>{} : Result<>(tl::unexpected(left.error()));
}

}  // namespace

Result<> Datapath::read_adopted() {
    // An agent that died while it took over left only the next one's name.
    const fs::path state = options_.pin_dir / (fs::exists(options_.pin_dir / "state") ? "state" : "state_next");
    auto interfaces = open_pinned(state / "interfaces");
    auto configs = open_pinned(state / "endpoint_configs");
    if (!interfaces || !configs || !*interfaces || !*configs)
        return {};
    const auto info = map_info((*configs)->get());
    if (!info || info->value_bytes != sizeof(catflap_endpoint_config) || info->max_entries != CATFLAP_MAX_CONFIGS)
        return {};
    auto directory = MappedArray<catflap_interface>::map((*interfaces)->get(), "interfaces", CATFLAP_MAX_INTERFACES);
    auto records =
        MappedArray<catflap_endpoint_config>::map((*configs)->get(), "endpoint_configs", CATFLAP_MAX_CONFIGS);
    if (!directory || !records)
        return tl::unexpected(!directory ? directory.error() : records.error());
    for (const catflap_interface& entry : directory->values()) {
        const uint32_t number = CATFLAP_CONFIG_OF(entry.publication);
        if (entry.ifindex == 0 || number == 0)
            continue;
        const catflap_endpoint_config& config = records->values()[number];
        compile::AdoptedSlot slot;
        slot.pod_identity = {config.pod_identity[0], config.pod_identity[1]};
        slot.addresses = {model_address(config.address[0]), model_address(config.address[1])};
        slot.slot = config.slot;
        slot.first_generation = config.first_generation;
        if (config.slot < CATFLAP_MAX_ENDPOINTS)
            adopted_[entry.ifindex] = slot;
    }
    return {};
}

// One by one: an agent that dies in between leaves pins of two agents.
Result<> Datapath::rename_pins(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::create_directories(to, error);
    for (const MapRow& row : kStateMaps)
        if (!error)
            fs::rename(from / row.name, to / row.name, error);
    if (error)
        return fail_errno(error.value(), "rename {} to {}", from.string(), to.string());
    took_over_ = true;
    return remove_maps(from);
}

Result<> Datapath::take_over() {
    if (auto done = add_late_counts(); !done)
        return done;
    const fs::path next = options_.pin_dir / "state_next";
    const fs::path state = options_.pin_dir / "state";
    if (auto done = remove_maps(next); !done)
        return done;
    std::error_code error;
    fs::create_directories(next, error);
    if (error)
        return fail_errno(error.value(), "create {}", next.string());
    for (const MapRow& row : kStateMaps)
        if (auto done = pin(map_fd(MapName(row)), next / row.name); !done)
            return done;
    // At every moment there is one of the two to be found by the next agent.
    const fs::path old = options_.pin_dir / "state_old";
    if (auto done = remove_maps(old); !done)
        return done;
    if (fs::exists(old))
        return rename_pins(next, state);  // somebody else's files are there
    if (fs::exists(state))
        fs::rename(state, old, error);
    if (!error)
        fs::rename(next, state, error);
    if (error)
        return fail_errno(error.value(), "rename {} to {}", next.string(), state.string());
    took_over_ = true;
    return remove_maps(old);
}

std::vector<Pin> Datapath::pins() const {
    std::vector<Pin> result = attachments_.pins();
    for (const MapRow& row : kKeptMaps)
        result.push_back({options_.pin_dir / "keep" / row.name, map_fd(MapName(row))});
    for (const auto& [name, fd] : ledger_->maps())
        result.push_back({options_.pin_dir / "keep" / name, fd});
    if (took_over_)
        for (const MapRow& row : kStateMaps)
            result.push_back({options_.pin_dir / "state" / row.name, map_fd(MapName(row))});
    return result;
}

Result<> remove_datapath(const fs::path& pin_dir, const std::vector<uint32_t>& interfaces) {
    keep_libbpf_log();
    std::error_code error;
    if (fs::exists(pin_dir, error)) {
        const auto lock = lock_pin_directory(pin_dir);
        if (!lock)
            return tl::unexpected(lock.error());
        const auto left = remove_pins(pin_dir);
        if (!left)
            return tl::unexpected(left.error());
        for (const fs::path& path : *left)
            spdlog::warn("{} is not catflap's, and stays", path.string());
    }
    const PinnedLinks pinned = find_pinned_links();
    for (const uint32_t ifindex : interfaces) {
        remove_clsact(ifindex);
        for (const std::string& line : take_off_foreign(ifindex, {}, pinned))
            spdlog::warn("interface {}: {}", ifindex, line);
    }
    return {};
}

}  // namespace catflap::kernel
