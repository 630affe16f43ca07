// SPDX-License-Identifier: Apache-2.0
#include "kernel/attach/first_filter.h"

// clang-format off: the kernel's headers want the socket types first
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
// clang-format on
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/classifier.h>
#include <netlink/route/tc.h>
#include <netlink/socket.h>

#include <memory>

namespace catflap::kernel {
namespace {

struct SocketFree {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct CacheFree {
    void operator()(nl_cache* cache) const { nl_cache_free(cache); }
};

}  // namespace

Result<std::optional<FilterName>> first_filter(uint32_t ifindex, bool from_pod) {
    const std::unique_ptr<nl_sock, SocketFree> socket(nl_socket_alloc());
    int code = socket ? nl_connect(socket.get(), NETLINK_ROUTE) : -NLE_NOMEM;
    nl_cache* filters = nullptr;
    if (code >= 0)
        code = rtnl_cls_alloc_cache(socket.get(), static_cast<int>(ifindex),
                                    TC_H_MAKE(TC_H_CLSACT, from_pod ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS), &filters);
    if (code < 0)
        return fail("list the filters of interface {}: {}", ifindex, nl_geterror(code));
    const std::unique_ptr<nl_cache, CacheFree> owner(filters);
    // In the kernel's order. Each priority begins with an entry that is no filter, and has no handle.
    for (nl_object* object = nl_cache_get_first(filters); object != nullptr; object = nl_cache_get_next(object)) {
        const uint32_t handle = rtnl_tc_get_handle(TC_CAST(object));
        if (handle != 0)
            return FilterName{rtnl_cls_get_prio(reinterpret_cast<rtnl_cls*>(object)), handle};
    }
    return std::optional<FilterName>();
}

}  // namespace catflap::kernel
