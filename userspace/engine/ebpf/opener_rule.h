// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "engine/ebpf/ebpf_engine.h"
#include "kernel/datapath/connections.h"

namespace catflap::engine {

// What the present policies say of the connection at this end, in the direction in which it was opened: a cell, as
// bpf/opened.h finds it. Nothing: not known, as at an endpoint whose tables are about to change.
std::optional<uint32_t> cell_of_opener(const EbpfEngine& engine, const kernel::ConnectionEnd& end, uint8_t protocol);

}  // namespace catflap::engine
