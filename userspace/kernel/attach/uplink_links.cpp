// SPDX-License-Identifier: Apache-2.0
#include "kernel/attach/uplink_links.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kernel/attach/attach.h"
#include "kernel/attach/pins.h"

namespace catflap::kernel {
namespace {

// The kernel's (6.6, include/uapi/linux/bpf.h): without a relative, in front of all.
constexpr uint32_t kInFront = 1U << 3;

bpf_link_info link_info_of(int fd) {
    bpf_link_info info{};
    uint32_t length = sizeof(info);
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info : bpf_link_info{};
}

bool is_xdp(UplinkHook hook) {
    return hook == UplinkHook::xdp_generic || hook == UplinkHook::xdp_native;
}

// In front of others' programs: what they would pass to the stack with TC_ACT_OK is dropped no later than it can be.
UniqueFd create_link(UplinkHook hook, int program_fd, uint32_t ifindex) {
    uint32_t flags = kInFront;
    auto type = static_cast<bpf_attach_type>(tcx_attach_type(hook == UplinkHook::tc_ingress));
    if (is_xdp(hook)) {
        flags = hook == UplinkHook::xdp_native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
        type = BPF_XDP;
    }
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
    return UniqueFd(bpf_link_create(program_fd, static_cast<int>(ifindex), type, &options));
}

std::string refusal_of(UplinkHook hook, int error) {
    if (is_xdp(hook) && (error == EBUSY || error == EEXIST))
        return "another XDP program is attached to it";
    if (hook == UplinkHook::xdp_native && error == EOPNOTSUPP)
        return "its driver has no native XDP";
    return fmt::format("the kernel refuses the program at the hook {}: {}", to_string(hook), std::strerror(error));
}

}  // namespace

std::string_view to_string(UplinkHook hook) {
    switch (hook) {
        case UplinkHook::tc_ingress:
            return "tc";
        case UplinkHook::tc_egress:
            return "tc-egress";
        case UplinkHook::xdp_generic:
            return "xdp-generic";
        case UplinkHook::xdp_native:
            break;
    }
    return "xdp-native";
}

std::map<uint32_t, std::string> UplinkLinks::keep(UplinkHook hook, int program_fd, const std::set<uint32_t>& uplinks,
                                                  Clock::time_point now) {
    if (std::exchange(hook_, hook) != hook)
        close();
    const auto gone = [&](const auto& entry) { return !uplinks.contains(entry.first); };
    std::erase_if(links_, gone);
    std::erase_if(refused_, gone);
    const uint32_t program = object_id(program_fd).id;
    std::map<uint32_t, std::string> refusals;
    for (const uint32_t ifindex : uplinks) {
        if (is_current(ifindex, program_fd, program))
            continue;
        links_.erase(ifindex);  // of an interface that had this index before, or taken off
        auto refused = refused_.find(ifindex);
        if (refused == refused_.end() || now >= refused->second.again_at) {
            UniqueFd link = create_link(hook, program_fd, ifindex);
            const int error = link ? 0 : errno;
            if (link) {
                links_[ifindex] = std::move(link);
                refused_.erase(ifindex);
                continue;
            }
            refused = refused_.insert_or_assign(ifindex, Refusal{refusal_of(hook, error), now + kRetry}).first;
        }
        refusals[ifindex] = refused->second.sentence;
    }
    return refusals;
}

// True: the link is attached, and has this program now. One that cannot be exchanged has to go, for nobody keeps the
// tables of the earlier program current.
bool UplinkLinks::is_current(uint32_t ifindex, int program_fd, uint32_t program) {
    const auto link = links_.find(ifindex);
    if (link == links_.end())
        return false;
    const bpf_link_info info = link_info_of(link->second.get());
    // The first field of tcx, too, which Debian 12's headers do not have.
    if (info.xdp.ifindex != ifindex)
        return false;
    return info.prog_id == program || bpf_link_update(link->second.get(), program_fd, nullptr) == 0;
}

std::string UplinkLinks::look_at(uint32_t ifindex, int program_fd) const {
    const auto link = links_.find(ifindex);
    if (link == links_.end())
        return "";
    const bpf_link_info info = link_info_of(link->second.get());
    const uint32_t program = object_id(program_fd).id;
    if (info.xdp.ifindex != ifindex)
        return "no program of ours";
    return info.prog_id == program ? ""
                                   : fmt::format("program {} in place of ours, which is {}", info.prog_id, program);
}

void UplinkLinks::close() {
    links_.clear();
    refused_.clear();
}

}  // namespace catflap::kernel
