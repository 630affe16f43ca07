// SPDX-License-Identifier: Apache-2.0
// What the iptables engine has to show.
#pragma once

#include "engine/iptables/iptables_engine.h"
#include "engine/lists.h"

namespace catflap::engine {

Result<> list_iptables(const View& view, const IptablesEngine& engine, report::Page& page);
report::EngineStatus iptables_status(const View& view, const IptablesEngine& engine);

}  // namespace catflap::engine
