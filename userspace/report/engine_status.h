// SPDX-License-Identifier: Apache-2.0
// The part of `catflap status` that an engine knows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report/rows.h"

namespace catflap::report {

// Names are those of docs/cli.md.
using NamedNumbers = std::vector<std::pair<std::string, uint64_t>>;

struct EngineStatus {
    std::optional<bool> asks_conntrack;  // nothing: conntrack decides in place of the engine
    std::optional<bool> tracked;         // nf_conntrack is the flow table of TCP and UDP; nothing: as above
    NamedNumbers counts;
    std::vector<MapRow> maps;
    NamedNumbers health;  // counters of the datapath's inner life
};

}  // namespace catflap::report
