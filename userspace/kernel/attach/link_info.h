// SPDX-License-Identifier: Apache-2.0
// What attach.cpp and attach_audit.cpp ask the kernel about our links and filters. Private to them.
#pragma once

#include <bpf/bpf.h>

#include <cstdint>

namespace catflap::kernel {

// Ours among the filters of a clsact hook.
inline constexpr uint32_t kHandle = 0xca7f;
inline constexpr uint32_t kPriority = 1;

inline bpf_link_info link_info(int fd) {
    bpf_link_info info{};
    uint32_t length = sizeof(info);
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info : bpf_link_info{};
}

// Of a TCX link; 0: it has gone (and so has the link, but for its pin).
inline uint32_t interface_of(const bpf_link_info& link) {
    return link.xdp.ifindex;  // the first field of tcx too, which Debian 12's headers do not have
}

}  // namespace catflap::kernel
