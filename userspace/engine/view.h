// SPDX-License-Identifier: Apache-2.0
// What an engine may look at when it is asked what it has to show. The agent owns all of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "compile/plan/loaded.h"
#include "engine/listing_index.h"
#include "model/cluster.h"
#include "report/counts.h"
#include "resolve/resolve.h"

namespace catflap::engine {

struct View {
    const Cluster& cluster;                               // as the source holds it
    const std::vector<compile::EndpointSpec>& endpoints;  // of the last commit; by ifindex
    const std::vector<ObjectName>& pods;                  // of these endpoints; sorted, unique
    const resolve::Resolved& resolved;                    // of the last commit
    ListingIndex& index;                                  // of resolved
    uint64_t commit = 0;                                  // the number of the last commit
    // What the guard dropped where the engine does not count it. Asks nftables, so only for what needs it.
    std::function<std::optional<report::Counted>()> dropped_by_guard;
    // What of an endpoint takes the fast path, by ifindex; in words. Nothing: nobody says.
    std::function<std::string(uint32_t)> fast_path = {};
    bool cluster_policies = true;  // the engine enforces them
};

}  // namespace catflap::engine
