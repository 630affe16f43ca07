// SPDX-License-Identifier: Apache-2.0
// Early drop: the engine is told which interfaces are uplinks.
#include <spdlog/spdlog.h>

#include "agent/agent.h"
#include "agent/early_drop.h"

namespace catflap::agent {

// Once a second, and when links or what is enforced have changed; not before something is enforced.
void Agent::renew_early_drop() {
    if (!state_.enforcing || !state_.engine)
        return;
    EarlyDropState& now = state_.early_drop;
    now.engine = state_.engine->early_drop();
    now.engine.off = has_no_early_drop(state_.options, now.engine);
    now.uplinks.clear();
    if (now.engine.off.empty())
        now.uplinks = state_.links->uplinks();
    std::set<uint32_t> indexes;
    for (const auto& [ifindex, name] : now.uplinks)
        indexes.insert(ifindex);
    now.refused = state_.engine->set_uplinks(indexes);
    const report::EarlyDropRow row = row_of(now);
    const std::string words = report::words_of(row);
    if (std::exchange(told_early_drop_, words) != words)
        spdlog::log(now.refused.empty() ? spdlog::level::info : spdlog::level::warn, "early drop on the uplinks: {}",
                    words);
}

}  // namespace catflap::agent
