// SPDX-License-Identifier: Apache-2.0
#include "agent/early_drop.h"

namespace catflap::agent {

std::string has_no_early_drop(const Options& options, const engine::EarlyDrop& engine) {
    if (options.early_drop == engine::EarlyDropWish::off)
        return "--early-drop off";
    if (engine.off.empty() || options.mode == Mode::ebpf)
        return engine.off;
    return fmt::format("mode {} has none", to_string(options.mode));
}

report::EarlyDropRow row_of(const EarlyDropState& state) {
    report::EarlyDropRow row{state.engine.off, state.engine.hook, {}};
    for (const auto& [ifindex, name] : state.uplinks) {
        const auto refused = state.refused.find(ifindex);
        row.uplinks.push_back({name, refused == state.refused.end() ? "" : refused->second});
    }
    return row;
}

}  // namespace catflap::agent
