// SPDX-License-Identifier: Apache-2.0
// Programs that another catflap left on interfaces of this network namespace: an agent with another --pin-dir. Behind
// ours they would go on judging by tables that nobody writes any more, and nothing would show them.
//
// They are told by the name of the file that pins their link, in whatever bpffs; where the kernel lets us ask about any
// program (CAP_SYS_ADMIN), also by the names of program and map.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace catflap::kernel {

// Links of TCX with our file names in every mounted bpffs, by the link's id.
using PinnedLinks = std::map<uint32_t, std::filesystem::path>;
PinnedLinks find_pinned_links();

// The ids of the programs of a TCX hook, and of their links (0: attached without one), front first; empty before 6.6.
struct AttachedProgram {
    uint32_t program = 0;
    uint32_t link = 0;
};
std::vector<AttachedProgram> attached_programs(uint32_t ifindex, bool from_pod);

// True: a program of catflap's, of whatever directory, is at both hooks.
bool carries_programs(uint32_t ifindex, const PinnedLinks& pinned);

// Takes other agents' programs off the interface. own: the ids of our links. Returns a line for each program that was
// taken off, or that could not be.
std::vector<std::string> take_off_foreign(uint32_t ifindex, const std::vector<uint32_t>& own,
                                          const PinnedLinks& pinned);

}  // namespace catflap::kernel
