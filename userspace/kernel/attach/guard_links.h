// SPDX-License-Identifier: Apache-2.0
// The programs of bpf/guard.bpf.c at the hooks of netfilter: links in this network namespace (kernel 6.4), pinned so
// that they hold while no agent runs, and held open so that they hold when the pins are lost.
//
//   PIN_DIR/guard/forward-ipv4 ...
//
// They count in PIN_DIR/keep/drop_counters, which is made here where no earlier agent left one: the guard comes first.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/attach/pins.h"

namespace catflap::kernel {

class GuardLinks {
  public:
    // name_prefixes: how the names of pods' interfaces begin; at most CATFLAP_MAX_PREFIXES of at most 8 bytes. Takes
    // the place of an earlier agent's without a gap. A failure leaves in force what was.
    static Result<GuardLinks> attach(const std::filesystem::path& pin_dir,
                                     const std::vector<std::string>& name_prefixes);
    GuardLinks() noexcept;
    GuardLinks(GuardLinks&&) noexcept;
    GuardLinks& operator=(GuardLinks&&) noexcept;
    ~GuardLinks();

    // Attaches anew what somebody detached by force. True: there was something.
    Result<bool> audit();
    [[nodiscard]] std::vector<Pin> pins() const;
    // At once, whether they are pinned still or not.
    void detach();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

bool is_guard_name(const std::string& file_name);
// Of any agent of this directory.
Result<> detach_guard(const std::filesystem::path& pin_dir);

}  // namespace catflap::kernel
