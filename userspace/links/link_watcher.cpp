// SPDX-License-Identifier: Apache-2.0
#include "links/link_watcher.h"

// clang-format off: the kernel's headers want the socket types first
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
// clang-format on
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <utility>

#include "links/link_messages.h"
#include "links/link_table.h"

namespace catflap::links {
namespace {

struct SocketCloser {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
using Socket = std::unique_ptr<nl_sock, SocketCloser>;

struct MessageCloser {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, MessageCloser>;

// Larger than any message of the groups watched here, and than what the kernel puts into one
// answer.
constexpr size_t kMessageBytes = 64 << 10;
// A dump that was cut short by changes, or changes lost while it ran: so often it is repeated.
constexpr int kMaxAttempts = 20;

tl::unexpected<Error> fail_netlink(int code, std::string_view what) {
    return fail("{}: {}", what, nl_geterror(code));
}

Result<Socket> open_socket() {
    Socket socket(nl_socket_alloc());
    if (!socket)
        return fail("open a netlink socket: out of memory");
    if (const int code = nl_connect(socket.get(), NETLINK_ROUTE); code < 0)
        return fail_netlink(code, "open a netlink socket");
    nl_socket_set_msg_buf_size(socket.get(), kMessageBytes);
    return socket;
}

// Without the privilege to go beyond net.core.rmem_max, as much as that admits.
void set_receive_buffer(nl_sock* socket, int bytes) {
    const int fd = nl_socket_get_fd(socket);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

Message dump_request(int type, int family, unsigned char route_table) {
    Message message(nlmsg_alloc_simple(type, NLM_F_DUMP));
    if (!message)
        return nullptr;
    int code = 0;
    if (type == RTM_GETLINK) {
        ifinfomsg body{};
        code |= nlmsg_append(message.get(), &body, sizeof(body), NLMSG_ALIGNTO);
        code |= nla_put_u32(message.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    } else {
        rtmsg body{};
        body.rtm_family = static_cast<unsigned char>(family);
        body.rtm_table = route_table;
        code |= nlmsg_append(message.get(), &body, sizeof(body), NLMSG_ALIGNTO);
    }
    return code == 0 ? std::move(message) : nullptr;
}

// The rest of a dump that failed half way would be taken for the next one's.
void discard_leftovers(int fd) {
    char byte = 0;
    while (recv(fd, &byte, 1, MSG_DONTWAIT) > 0) {
    }
}

}  // namespace

struct LinkWatcher::State {
    explicit State(const LinkWatchOptions& options) : table(options.prefixes, options.groups) {}

    Result<void> open_sockets(const LinkWatchOptions& options);
    Result<void> catch_up();
    Result<bool> drain();
    Result<void> read_everything();
    Result<void> read_routes();
    Result<void> dump(int type, int family, unsigned char route_table = RT_TABLE_UNSPEC);

    static int on_message(nl_msg* message, void* state);

    LinkTable table;
    Socket events;  // subscribed
    Socket dumps;   // asks; a socket of its own, so that answers and events never mix
    bool lost = true;
    bool changed = false;
    uint64_t complete_readings = 0;
    std::map<uint32_t, Link> links;
    std::vector<Address> local_addresses;
};

Result<void> LinkWatcher::State::open_sockets(const LinkWatchOptions& options) {
    for (Socket* target : {&events, &dumps}) {
        auto socket = open_socket();
        if (!socket)
            return tl::unexpected(socket.error());
        nl_socket_modify_cb(socket->get(), NL_CB_VALID, NL_CB_CUSTOM, on_message, this);
        *target = std::move(*socket);
    }
    set_receive_buffer(events.get(), options.receive_buffer_bytes);
    nl_socket_disable_seq_check(events.get());
    nl_socket_set_nonblocking(events.get());
    // Linux 4.20: dumps filtered by the kernel. Without it all tables come, and take_route()
    // filters.
    const int on = 1;
    setsockopt(nl_socket_get_fd(dumps.get()), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
    const int code = nl_socket_add_memberships(events.get(), RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0);
    if (code < 0)
        return fail_netlink(code, "subscribe to links and routes");
    return {};
}

// Events that are older than a dump may be taken after it: every event overwrites one link or one
// route, so the last one about each wins, and what no event speaks of is as the dump has it.
Result<void> LinkWatcher::State::catch_up() {
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
        const auto drained = drain();
        if (!drained)
            return tl::unexpected(drained.error());
        lost = lost || !*drained;
        if (!lost && !table.misses_routes())
            return {};
        if (auto read = lost ? read_everything() : read_routes(); !read)
            return read;
    }
    return fail("read links and routes: they change faster than they can be read");
}

// False: the kernel had to throw messages away.
Result<bool> LinkWatcher::State::drain() {
    bool complete = true;
    for (;;) {
        const int code = nl_recvmsgs_default(events.get());
        if (code == -NLE_AGAIN)
            return complete;
        if (code == -NLE_NOMEM || code == -NLE_MSG_TRUNC)  // libnl's name for ENOBUFS
            complete = false;
        else if (code < 0)
            return fail_netlink(code, "read changes of links and routes");
    }
}

Result<void> LinkWatcher::State::read_everything() {
    lost = true;  // until all of it was read
    changed = true;
    table.clear();
    if (auto read = dump(RTM_GETLINK, AF_UNSPEC); !read)
        return read;
    if (auto read = read_routes(); !read)
        return read;
    lost = false;
    return {};
}

Result<void> LinkWatcher::State::read_routes() {
    for (const int family : {AF_INET, AF_INET6})
        for (const auto route_table : {uint8_t{RT_TABLE_MAIN}, uint8_t{RT_TABLE_LOCAL}})
            if (auto read = dump(RTM_GETROUTE, family, route_table); !read)
                return read;
    table.routes_complete();
    ++complete_readings;
    return {};
}

Result<void> LinkWatcher::State::dump(int type, int family, unsigned char route_table) {
    discard_leftovers(nl_socket_get_fd(dumps.get()));
    int code = 0;
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
        const Message request = dump_request(type, family, route_table);
        if (!request)
            return fail("read links and routes: out of memory");
        code = nl_send_auto(dumps.get(), request.get());
        if (code >= 0)
            code = nl_recvmsgs_default(dumps.get());
        if (code != -NLE_DUMP_INTR)
            break;
    }
    // No such table yet (no route was ever added), or a kernel without IPv6.
    if (code >= 0 || code == -NLE_OBJ_NOTFOUND || (code == -NLE_OPNOTSUPP && family == AF_INET6))
        return {};
    return fail_netlink(code, type == RTM_GETLINK ? "read the links" : "read the routes");
}

int LinkWatcher::State::on_message(nl_msg* message, void* state) {
    auto& self = *static_cast<State*>(state);
    self.changed = take_message(nlmsg_hdr(message), self.table) || self.changed;
    return NL_OK;
}

LinkWatcher::LinkWatcher(std::unique_ptr<State> state) : state_(std::move(state)) {}
LinkWatcher::LinkWatcher(LinkWatcher&&) noexcept = default;
LinkWatcher& LinkWatcher::operator=(LinkWatcher&&) noexcept = default;
LinkWatcher::~LinkWatcher() = default;

Result<LinkWatcher> LinkWatcher::open(const LinkWatchOptions& options) {
    auto state = std::make_unique<State>(options);
    if (auto opened = state->open_sockets(options); !opened)
        return fail_because(opened.error(), "watch the interfaces {}", options.prefixes.text());
    LinkWatcher watcher(std::move(state));
    if (auto read = watcher.refresh(); !read)
        return fail_because(read.error(), "watch the interfaces {}", options.prefixes.text());
    return watcher;
}

int LinkWatcher::fd() const {
    return nl_socket_get_fd(state_->events.get());
}

Result<bool> LinkWatcher::refresh() {
    if (auto caught = state_->catch_up(); !caught)
        return tl::unexpected(caught.error());
    if (!std::exchange(state_->changed, false))
        return false;
    auto links = state_->table.links();
    auto addresses = state_->table.local_addresses();
    if (links == state_->links && addresses == state_->local_addresses)
        return false;
    state_->links = std::move(links);
    state_->local_addresses = std::move(addresses);
    return true;
}

const std::map<uint32_t, Link>& LinkWatcher::links() const {
    return state_->links;
}

const std::vector<Address>& LinkWatcher::local_addresses() const {
    return state_->local_addresses;
}

uint32_t LinkWatcher::group(uint32_t ifindex) const {
    return state_->table.group(ifindex);
}

LinkFacts LinkWatcher::facts(uint32_t ifindex) const {
    return state_->table.facts(ifindex);
}

uint32_t LinkWatcher::uplink_mtu_bytes(uint32_t ifindex) const {
    return std::as_const(state_->table).uplink_table().mtu_bytes(ifindex);
}

std::map<uint32_t, std::string> LinkWatcher::uplinks() const {
    return state_->table.uplinks();
}

uint64_t LinkWatcher::complete_readings() const {
    return state_->complete_readings;
}

}  // namespace catflap::links
