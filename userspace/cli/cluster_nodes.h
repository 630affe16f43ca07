// SPDX-License-Identifier: Apache-2.0
// Which nodes of a cluster are enforced, by what its API holds. Pure.
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "resolve/out_of_reach.h"
#include "source/api/lease.h"

namespace catflap::cli {

struct ClusterView {
    const Cluster& cluster;
    std::vector<source::Lease> leases;            // of agents
    std::map<std::string, std::string> other_os;  // nodes that do not run Linux, and what they run
    std::string lease_namespace;                  // where the leases are
    std::chrono::system_clock::time_point now;
};

// {"nodes", "unattended", "problems", "counts"}, see docs/cli.md: every node, every pod that a policy selects where no
// agent lives, and a sentence for each thing that keeps the cluster from being enforced.
nlohmann::json to_json(const ClusterView& view);

}  // namespace catflap::cli
