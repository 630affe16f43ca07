// SPDX-License-Identifier: Apache-2.0
// What the eBPF engine has to show.
#pragma once

#include <vector>

#include "engine/ebpf/ebpf_engine.h"
#include "engine/lists.h"

namespace catflap::engine {

Result<> list_ebpf(const View& view, const EbpfEngine& engine, report::Page& page);
Result<> list_sets(const View& view, const EbpfEngine& engine, report::Page& page);
Result<> list_flows(const EbpfEngine& engine, report::Page& page);
std::vector<report::MapRow> map_rows(const View& view, const EbpfEngine& engine);
report::EngineStatus ebpf_status(const View& view, const EbpfEngine& engine);

}  // namespace catflap::engine
