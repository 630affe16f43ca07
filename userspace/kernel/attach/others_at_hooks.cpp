// SPDX-License-Identifier: Apache-2.0
#include "kernel/attach/others_at_hooks.h"

// clang-format off: the kernel's headers want the socket types first
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
// clang-format on
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/classifier.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/tc.h>
#include <netlink/socket.h>

#include <functional>
#include <memory>

#include "kernel/attach/foreign.h"

namespace catflap::kernel {
namespace {

struct Free {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
    void operator()(nl_cache* cache) const { nl_cache_free(cache); }
};
using Cache = std::unique_ptr<nl_cache, Free>;

void for_each(nl_cache* cache, const std::function<void(rtnl_tc*)>& visit) {
    for (nl_object* object = nl_cache_get_first(cache); object != nullptr; object = nl_cache_get_next(object))
        visit(TC_CAST(object));
}

// Each priority begins with an entry that is no filter, and has no handle.
Result<size_t> count_filters(nl_sock* socket, uint32_t ifindex, bool from_pod) {
    nl_cache* read = nullptr;
    const int code = rtnl_cls_alloc_cache(socket, static_cast<int>(ifindex),
                                          TC_H_MAKE(TC_H_CLSACT, from_pod ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS), &read);
    if (code < 0)
        return fail("list the filters of interface {}: {}", ifindex, nl_geterror(code));
    const Cache filters(read);
    size_t count = 0;
    for_each(filters.get(), [&](rtnl_tc* filter) { count += rtnl_tc_get_handle(filter) != 0 ? 1 : 0; });
    return count;
}

// "": there are none.
std::string others_filters(nl_sock* socket, uint32_t ifindex, AttachMode mode) {
    for (const bool from_pod : {true, false}) {
        const auto count = count_filters(socket, ifindex, from_pod);
        if (!count)
            return count.error().message;
        if (*count > (mode == AttachMode::clsact ? 1 : 0))
            return "another filter of tc is attached to the interface";
    }
    return "";
}

// A veth queues nothing by itself.
std::string qdisc_of_others(nl_sock* socket, uint32_t ifindex, const std::string& kind, AttachMode mode) {
    if (kind == "noqueue")
        return "";
    return kind == "clsact" ? others_filters(socket, ifindex, mode)
                            : fmt::format("the interface has a qdisc, {}: a limit of bandwidth", kind);
}

// What a shaping qdisc does, it does to what our programs send there, too.
std::string filters_at_uplink(nl_sock* socket, uint32_t ifindex, const std::string& kind) {
    if (kind == "ingress")
        return "the interface has an ingress qdisc";
    // What a pod's socket has sent would wait in the socket's queue, and the flow's other packets in another one.
    if (kind == "fq")
        return "the interface has the qdisc fq, which paces by sockets";
    return kind == "clsact" ? others_filters(socket, ifindex, AttachMode::tcx) : "";
}

using Judge = std::function<std::string(nl_sock*, uint32_t, const std::string& kind)>;

// A sentence by interface, of those whose qdiscs have one.
Result<std::map<uint32_t, std::string>> judge_qdiscs(const std::set<uint32_t>& interfaces, const Judge& judge) {
    const std::unique_ptr<nl_sock, Free> socket(nl_socket_alloc());
    int code = socket ? nl_connect(socket.get(), NETLINK_ROUTE) : -NLE_NOMEM;
    nl_cache* read = nullptr;
    if (code >= 0)
        code = rtnl_qdisc_alloc_cache(socket.get(), &read);
    if (code < 0)
        return fail("list the qdiscs of the interfaces: {}", nl_geterror(code));
    const Cache qdiscs(read);
    std::map<uint32_t, std::string> result;
    for_each(qdiscs.get(), [&](rtnl_tc* qdisc) {
        const auto ifindex = static_cast<uint32_t>(rtnl_tc_get_ifindex(qdisc));
        const char* kind = rtnl_tc_get_kind(qdisc);
        if (!interfaces.contains(ifindex) || result.contains(ifindex))
            return;
        if (std::string sentence = judge(socket.get(), ifindex, kind == nullptr ? "?" : kind); !sentence.empty())
            result.emplace(ifindex, std::move(sentence));
    });
    return result;
}

constexpr const char* kAnotherProgram = "another program is attached to the interface by TCX";

}  // namespace

Result<std::map<uint32_t, std::string>> others_at_hooks(const std::set<uint32_t>& interfaces, AttachMode mode) {
    auto result = judge_qdiscs(interfaces, [mode](nl_sock* socket, uint32_t ifindex, const std::string& kind) {
        return qdisc_of_others(socket, ifindex, kind, mode);
    });
    if (!result)
        return result;
    for (const uint32_t ifindex : interfaces)
        for (const bool from_pod : {true, false})
            if (attached_programs(ifindex, from_pod).size() > (mode == AttachMode::tcx ? 1 : 0))
                result->emplace(ifindex, kAnotherProgram);
    return result;
}

Result<std::map<uint32_t, std::string>> others_at_uplinks(const std::set<uint32_t>& uplinks,
                                                          const std::set<uint32_t>& own) {
    auto result = judge_qdiscs(uplinks, filters_at_uplink);
    if (!result)
        return result;
    for (const uint32_t ifindex : uplinks)
        for (const bool ingress : {true, false})
            for (const AttachedProgram& attached : attached_programs(ifindex, ingress))
                if (!own.contains(attached.program))
                    result->emplace(ifindex, kAnotherProgram);
    return result;
}

}  // namespace catflap::kernel
