// SPDX-License-Identifier: Apache-2.0
// The programs of bpf/guard.bpf.c at the hooks of netfilter: links in this network namespace (kernel 6.4), pinned so
// that they hold while no agent runs.
//
//   PIN_DIR/guard/forward-ipv4 ...
//
// They count in PIN_DIR/keep/drop_counters, so a Datapath must have been opened before.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace catflap::kernel {

// Takes the place of an earlier agent's without a gap. A failure leaves in force what was.
Result<> attach_guard(const std::filesystem::path& pin_dir);
Result<> detach_guard(const std::filesystem::path& pin_dir);

}  // namespace catflap::kernel
