// SPDX-License-Identifier: Apache-2.0
// The programs on the uplinks, of one hook: links that live with this process and are pinned nowhere. When the agent
// has gone nothing is dropped early or takes the short way there, and the programs on the pods' own interfaces judge
// what comes. So a link never outlives tables that somebody keeps current.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace catflap::kernel {

enum class UplinkHook : uint8_t { tc_ingress, tc_egress, xdp_generic, xdp_native };
// "tc", "tc-egress", "xdp-generic", "xdp-native"
std::string_view to_string(UplinkHook hook);

class UplinkLinks {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds kRetry{10};

    // Each of these interfaces gets the program, and no other keeps one. What has an earlier program of the same hook
    // gets it without a gap: its tables have to be complete by now. Attaches again what somebody took off. Returns a
    // sentence for each interface that has none; such a one is tried again after kRetry.
    std::map<uint32_t, std::string> keep(UplinkHook hook, int program_fd, const std::set<uint32_t>& uplinks,
                                         Clock::time_point now);
    // Why the program is not the one in place on this uplink, though keep() has attached it there; "": it is, or keep()
    // said why it could not.
    [[nodiscard]] std::string look_at(uint32_t ifindex, int program_fd) const;
    // Takes all of them off.
    void close();

  private:
    struct Refusal {
        std::string sentence;
        Clock::time_point again_at;
    };
    bool is_current(uint32_t ifindex, int program_fd, uint32_t program);

    UplinkHook hook_ = UplinkHook::tc_ingress;
    std::map<uint32_t, UniqueFd> links_;
    std::map<uint32_t, Refusal> refused_;
};

// All that an engine has on the uplinks.
struct UplinkPrograms {
    UplinkLinks from_uplink;
    UplinkLinks to_uplink;
    UplinkLinks xdp;
};

}  // namespace catflap::kernel
