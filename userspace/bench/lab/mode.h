// SPDX-License-Identifier: Apache-2.0
// What is compared. A mode is a plain value: another engine is another line in all_modes().
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/result.h"

namespace catflap::bench {

struct Mode {
    std::string name;
    std::vector<std::string> agent;   // what catflapd is told beside its directories; empty: no agent
    std::string iptables = "legacy";  // whose iptables holds kube-proxy's rules
    bool kube_proxy = true;           // false: not even conntrack on the nodes
    bool on_request = false;          // runs only where it is asked for by name
    bool floor = false;               // programs that only redirect: floor.h

    [[nodiscard]] bool enforces() const { return !agent.empty(); }
    // Whether the engine has a table of flows of its own.
    [[nodiscard]] bool remembers_flows() const { return std::ranges::find(agent, "ebpf") != agent.end(); }
};

inline const std::string kNone = "none";
inline const std::string kControl = "none again";  // A/A: the same as none, in a laboratory of its own
inline const std::string kFloor = "floor";         // the limit of a fast path
inline const std::string kEbpf = "ebpf";
inline const std::string kFast = "ebpf-fast";
inline const std::string kLegacy = "iptables-legacy";
inline const std::string kNft = "iptables-nft";

struct Machine {
    bool has_legacy_iptables = false;
    bool has_tcx = false;  // what the floor needs
};
// Those that this build of catflapd and this machine can run. catflapd_help: what `catflapd --help` prints.
std::vector<Mode> available_modes(const std::string& catflapd_help, const Machine& machine);

// "none,ebpf": those of the available ones, in their order, and the control where none is among them.
Result<std::vector<Mode>> choose_modes(const std::vector<Mode>& available, const std::string& names);

}  // namespace catflap::bench
