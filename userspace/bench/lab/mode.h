// SPDX-License-Identifier: Apache-2.0
// What is compared. A mode is a plain value: another engine is another line in all_modes().
#pragma once

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

    [[nodiscard]] bool enforces() const { return !agent.empty(); }
};

inline const std::string kNone = "none";
inline const std::string kControl = "none again";  // A/A: the same as none, in a laboratory of its own
inline const std::string kEbpf = "ebpf";
inline const std::string kFast = "ebpf-fast";
inline const std::string kLegacy = "iptables-legacy";
inline const std::string kNft = "iptables-nft";

// Those that this build of catflapd and this kernel can run. catflapd_help: what `catflapd --help` prints.
std::vector<Mode> available_modes(const std::string& catflapd_help, bool has_legacy_iptables);

// "none,ebpf": those of the available ones, in their order, and the control where none is among them.
Result<std::vector<Mode>> choose_modes(const std::vector<Mode>& available, const std::string& names);

}  // namespace catflap::bench
