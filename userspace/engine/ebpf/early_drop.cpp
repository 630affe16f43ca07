// SPDX-License-Identifier: Apache-2.0
// The eBPF engine's programs on the uplinks.
#include "engine/ebpf/ebpf_engine.h"

namespace catflap::engine {

using kernel::EarlyDropHook;
using kernel::EarlyDropMode;

namespace {

EarlyDropHook hook_of(std::optional<EarlyDropMode> mode) {
    return mode.value_or(EarlyDropMode::tc) == EarlyDropMode::tc ? EarlyDropHook::tc : EarlyDropHook::xdp;
}

}  // namespace

// Nothing: automatic, on a kernel without TCX.
std::optional<EarlyDropMode> EbpfEngine::early_drop_mode() const {
    switch (early_drop_wish_) {
        case EarlyDropWish::xdp_generic:
            return EarlyDropMode::xdp_generic;
        case EarlyDropWish::xdp_native:
            return EarlyDropMode::xdp_native;
        default:
            break;
    }
    if (!has_tcx_)
        return std::nullopt;
    return EarlyDropMode::tc;
}

EarlyDrop EbpfEngine::early_drop() const {
    const auto mode = early_drop_mode();
    EarlyDrop result{mode ? std::string(to_string(*mode)) : "", ""};
    if (datapath_->early_drop_fd(hook_of(mode)) < 0)
        result.off =
            keeps_established_
                ? "--established keep has none"
                : "nf_conntrack is not the flow table of TCP and UDP here (kernel 6.2 and newer, with nf_conntrack)";
    else if (datapath_->saw_untracked())
        result.off = "a rule exempts packets of pods from nf_conntrack (NOTRACK)";
    else if (!mode)
        result.off = "the kernel has no TCX (6.6 has it); --early-drop xdp-generic or xdp-native need none";
    return result;
}

// Until the first commit the programs' tables are empty, and an earlier engine's stay on the uplinks.
std::map<uint32_t, std::string> EbpfEngine::set_uplinks(const std::set<uint32_t>& uplinks) {
    if (commits_ == 0)
        return {};
    if (&uplinks != &uplinks_)
        uplinks_ = uplinks;
    const auto mode = early_drop_mode();
    if (!mode || !early_drop().off.empty()) {
        early_drop_links_->close();
        return {};
    }
    return early_drop_links_->keep(*mode, datapath_->early_drop_fd(hook_of(mode)), uplinks,
                                   std::chrono::steady_clock::now());
}

std::string EbpfEngine::look_at_uplink(uint32_t ifindex) const {
    const auto mode = early_drop_mode();
    return mode && early_drop().off.empty()
               ? early_drop_links_->look_at(ifindex, datapath_->early_drop_fd(hook_of(mode)))
               : "";
}

}  // namespace catflap::engine
