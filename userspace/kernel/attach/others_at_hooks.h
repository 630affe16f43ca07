// SPDX-License-Identifier: Apache-2.0
// What besides catflap's programs a packet meets at an interface's TC hooks, and what queues it on the way out: a
// packet that is handed past the hooks meets none of it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/result.h"
#include "kernel/attach/attach.h"

namespace catflap::kernel {

// A sentence for each of these interfaces that has something of the kind. Costs a dump of all qdiscs, two questions for
// each interface, and two dumps for each with a qdisc of type clsact.
Result<std::map<uint32_t, std::string>> others_at_hooks(const std::set<uint32_t>& interfaces, AttachMode mode);

// The same of uplinks: who else has programs or filters at TC. Their qdiscs see what leaves there all the same. own:
// ids of our programs.
Result<std::map<uint32_t, std::string>> others_at_uplinks(const std::set<uint32_t>& uplinks,
                                                          const std::set<uint32_t>& own);

}  // namespace catflap::kernel
