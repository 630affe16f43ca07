// SPDX-License-Identifier: Apache-2.0
// The eBPF engine's programs on the uplinks: early drop, and the short way across nodes.
#include <algorithm>

#include "engine/ebpf/ebpf_engine.h"
#include "kernel/attach/others_at_hooks.h"
#include "kernel/attach/pins.h"

namespace catflap::engine {

using kernel::UplinkHook;
using kernel::UplinkProgram;

namespace {

constexpr const char* kNoTcx = "the kernel has no TCX (6.6 has it)";

bool is_tc(std::optional<UplinkHook> hook) {
    return hook.value_or(UplinkHook::tc_ingress) == UplinkHook::tc_ingress;
}

UplinkProgram program_of(std::optional<UplinkHook> hook) {
    return is_tc(hook) ? UplinkProgram::from_uplink : UplinkProgram::early_drop_xdp;
}

}  // namespace

// Nothing: automatic, on a kernel without TCX.
std::optional<UplinkHook> EbpfEngine::early_drop_hook() const {
    switch (early_drop_wish_) {
        case EarlyDropWish::xdp_generic:
            return UplinkHook::xdp_generic;
        case EarlyDropWish::xdp_native:
            return UplinkHook::xdp_native;
        default:
            break;
    }
    if (!has_tcx_)
        return std::nullopt;
    return UplinkHook::tc_ingress;
}

EarlyDrop EbpfEngine::early_drop() const {
    const auto hook = early_drop_hook();
    EarlyDrop result{hook ? std::string(to_string(*hook)) : "", ""};
    if (datapath_->uplink_fd(program_of(hook)) < 0)
        result.off =
            keeps_established_
                ? "--established keep has none"
                : "nf_conntrack is not the flow table of TCP and UDP here (kernel 6.2 and newer, with nf_conntrack)";
    else if (datapath_->saw_untracked())
        result.off = "a rule exempts packets of pods from nf_conntrack (NOTRACK)";
    else if (!hook)
        result.off = fmt::format("{}; --early-drop xdp-generic or xdp-native need none", kNoTcx);
    return result;
}

// Until the first commit the programs' tables are empty, and an earlier engine's stay on the uplinks.
std::map<uint32_t, std::string> EbpfEngine::set_uplinks(const std::set<uint32_t>& uplinks) {
    if (commits_ == 0)
        return {};
    if (&uplinks != &uplinks_)
        uplinks_ = uplinks;
    const auto hook = early_drop_hook();
    const bool on = hook && early_drop().off.empty();
    early_uplinks_ = on && is_tc(hook) ? uplinks : std::set<uint32_t>();
    auto refused = keep_from_uplink();
    std::erase_if(refused, [&](const auto& one) { return !early_uplinks_.contains(one.first); });
    if (on && !is_tc(hook))
        return uplink_programs_->xdp.keep(*hook, datapath_->uplink_fd(UplinkProgram::early_drop_xdp), uplinks,
                                          std::chrono::steady_clock::now());
    uplink_programs_->xdp.close();
    return refused;
}

// One program for both: it hands on what belongs to a known flow, and may drop the rest.
std::map<uint32_t, std::string> EbpfEngine::keep_from_uplink() {
    std::set<uint32_t> wanted;
    std::ranges::set_union(early_uplinks_, short_uplinks_, std::inserter(wanted, wanted.end()));
    return uplink_programs_->from_uplink.keep(UplinkHook::tc_ingress, datapath_->uplink_fd(UplinkProgram::from_uplink),
                                              wanted, std::chrono::steady_clock::now());
}

std::string EbpfEngine::refuses_uplinks() const {
    return has_tcx_ ? "" : kNoTcx;
}

// Those of an engine before this one: they would hand packets to pods by its verdicts, while the programs at the pods'
// interfaces go by ours already. Early drop, in the same program, pauses until set_uplinks().
void EbpfEngine::close_short_ways() {
    uplink_programs_->from_uplink.close();
    uplink_programs_->to_uplink.close();
}

// Slots that no endpoint has are closed, too: 4,096 plain stores. An uplink takes part only once it has its programs.
std::map<uint32_t, std::string> EbpfEngine::set_gates(const std::map<uint32_t, catflap_redirect_gate>& gates,
                                                      const std::map<uint32_t, catflap_uplink>& uplinks) {
    std::vector<catflap_redirect_gate> by_slot(CATFLAP_MAX_ENDPOINTS, CATFLAP_REDIRECT_NOTHING);
    for (const auto& [ifindex, gate] : gates)
        if (const auto endpoint = loaded().endpoints.find(ifindex);
            endpoint != loaded().endpoints.end() && endpoint->second.config != 0)
            by_slot[endpoint->second.slot] = gate;
    for (uint32_t slot = 0; slot < CATFLAP_MAX_ENDPOINTS; ++slot)
        datapath_->store().set_redirect_gate(slot, by_slot[slot]);
    gates_ = std::move(by_slot);
    ways_ = redirects() ? uplinks : std::map<uint32_t, catflap_uplink>();
    return keep_ways();
}

std::map<uint32_t, std::string> EbpfEngine::keep_ways() {
    if (commits_ == 0)
        return {};
    std::map<uint32_t, catflap_uplink> ready = ways_;
    std::set<uint32_t> out;
    short_uplinks_.clear();
    for (const auto& [ifindex, uplink] : ready) {
        if ((uplink.ways & CATFLAP_UPLINK_IN) != 0)
            short_uplinks_.insert(ifindex);
        if ((uplink.ways & CATFLAP_UPLINK_OUT) != 0)
            out.insert(ifindex);
    }
    auto refused = keep_from_uplink();
    std::erase_if(refused, [&](const auto& one) { return !short_uplinks_.contains(one.first); });
    refused.merge(uplink_programs_->to_uplink.keep(
        UplinkHook::tc_egress, datapath_->uplink_fd(UplinkProgram::to_uplink), out, std::chrono::steady_clock::now()));
    std::erase_if(ready, [&](const auto& one) { return refused.contains(one.first); });
    datapath_->store().set_uplinks(ready);
    return refused;
}

std::map<uint32_t, std::string> EbpfEngine::keep_uplinks() {
    auto refused = set_uplinks(uplinks_);
    refused.merge(keep_ways());
    return refused;
}

// Those that keep() could not attach have been told of.
std::string EbpfEngine::look_at_uplink(uint32_t ifindex) const {
    std::string sentence =
        uplink_programs_->from_uplink.look_at(ifindex, datapath_->uplink_fd(UplinkProgram::from_uplink));
    if (sentence.empty())
        sentence = uplink_programs_->to_uplink.look_at(ifindex, datapath_->uplink_fd(UplinkProgram::to_uplink));
    return sentence.empty()
               ? uplink_programs_->xdp.look_at(ifindex, datapath_->uplink_fd(UplinkProgram::early_drop_xdp))
               : sentence;
}

Result<std::map<uint32_t, std::string>> EbpfEngine::others_at(const std::set<uint32_t>& interfaces,
                                                              const std::set<uint32_t>& uplinks) {
    auto others = kernel::others_at_hooks(interfaces, datapath_->attachments().mode());
    if (!others || uplinks.empty())
        return others;
    std::set<uint32_t> own;
    for (const UplinkProgram program : {UplinkProgram::from_uplink, UplinkProgram::to_uplink})
        if (const int fd = datapath_->uplink_fd(program); fd >= 0)
            own.insert(kernel::object_id(fd).id);
    auto at_uplinks = kernel::others_at_uplinks(uplinks, own);
    if (!at_uplinks)
        return at_uplinks;
    others->merge(*at_uplinks);
    return others;
}

}  // namespace catflap::engine
