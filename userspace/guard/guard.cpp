// SPDX-License-Identifier: Apache-2.0
#include "guard/guard.h"

// clang-format off: the kernel's headers want the socket types first
#include <sys/socket.h>
#include <linux/netlink.h>
// clang-format on
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <spdlog/spdlog.h>

namespace catflap::guard {
namespace {

struct LinkPut {
    void operator()(rtnl_link* link) const { rtnl_link_put(link); }
};
using Link = std::unique_ptr<rtnl_link, LinkPut>;

// Every list of prefixes that is accepted has a place in the guard's programs.
static_assert(InterfacePrefixes::kMost == CATFLAP_MAX_PREFIXES &&
              InterfacePrefixes::kMostBytes == sizeof(catflap_name_prefix::bytes));

}  // namespace

void Guard::SocketCloser::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}

Guard::Guard(std::filesystem::path pin_dir, InterfacePrefixes prefixes)
    : pin_dir_(std::move(pin_dir)), prefixes_(std::move(prefixes)), socket_(nl_socket_alloc()), table_(kGuardTable) {}
Guard::Guard(Guard&&) noexcept = default;
Guard& Guard::operator=(Guard&&) noexcept = default;
Guard::~Guard() = default;

Result<Guard> Guard::open(const std::filesystem::path& pin_dir, const InterfacePrefixes& prefixes) {
    Guard guard(pin_dir, prefixes);
    if (!guard.socket_)
        return fail("open a netlink socket: out of memory");
    if (const int code = nl_connect(guard.socket_.get(), NETLINK_ROUTE); code < 0)
        return fail("open a netlink socket: {}", nl_geterror(code));
    return guard;
}

std::string_view to_string(GuardKind kind) {
    return kind == GuardKind::bpf ? "bpf" : kind == GuardKind::nft ? "nft" : "off";
}

// What an earlier agent's guard closed stays closed: it goes when the new one is in force.
Result<> Guard::close_others(bool only_nft) {
    if (!only_nft) {
        auto attached = kernel::GuardLinks::attach(pin_dir_, prefixes_.list());
        if (attached) {
            links_ = std::move(*attached);
            kind_ = GuardKind::bpf;
            if (auto done = table_.remove(); !done)
                spdlog::warn("{}; if there is one, it costs time, and does no harm", done.error().message);
            return {};
        }
        spdlog::info("{}; the guard is a table of nftables", attached.error().message);
    }
    return make_table(GuardScope::unjudged);
}

Result<> Guard::close_closed() {
    return make_table(GuardScope::closed);
}

Result<> Guard::make_table(GuardScope scope) {
    if (auto done = table_.make(guard_table_commands(scope, prefixes_)); !done)
        return done;
    kind_ = GuardKind::nft;
    links_.detach();
    return kernel::detach_guard(pin_dir_);
}

Result<bool> Guard::audit() {
    if (kind_ == GuardKind::off)
        return false;
    if (kind_ == GuardKind::bpf)
        return links_.audit();
    return table_.audit();
}

Result<> Guard::set_group(uint32_t ifindex, uint32_t group) {
    const Link which(rtnl_link_alloc());
    const Link change(rtnl_link_alloc());
    if (!which || !change)
        return fail("put interface {} into device group {:#x}: out of memory", ifindex, group);
    rtnl_link_set_ifindex(which.get(), static_cast<int>(ifindex));
    rtnl_link_set_group(change.get(), group);
    const int code = rtnl_link_change(socket_.get(), which.get(), change.get(), 0);
    if (code < 0)
        return tl::unexpected(
            Error{code == -NLE_NODEV || code == -NLE_OBJ_NOTFOUND ? ENODEV : 0,
                  fmt::format("put interface {} into device group {:#x}: {}", ifindex, group, nl_geterror(code))});
    return {};
}

Result<> Guard::judged(uint32_t ifindex) {
    return set_group(ifindex, kJudged);
}

Result<> Guard::unjudged(uint32_t ifindex) {
    return set_group(ifindex, kClosed);
}

Result<GuardCount> Guard::dropped_by_table() const {
    return kind_ == GuardKind::nft ? count_of_guard_table() : GuardCount{};
}

Result<> Guard::open_all() {
    kind_ = GuardKind::off;
    links_.detach();
    if (auto done = kernel::detach_guard(pin_dir_); !done)
        return done;
    return table_.remove();
}

Result<> Guard::remove(const std::vector<uint32_t>& interfaces) {
    if (auto done = open_all(); !done)
        return done;
    for (const uint32_t ifindex : interfaces)
        if (auto done = set_group(ifindex, 0); !done && done.error().code != ENODEV)
            return done;
    return {};
}

}  // namespace catflap::guard
