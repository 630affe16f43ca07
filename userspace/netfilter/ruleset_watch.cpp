// SPDX-License-Identifier: Apache-2.0
#include "netfilter/ruleset_watch.h"

// clang-format off: the kernel's headers want the socket types first
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
// clang-format on
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <algorithm>
#include <cerrno>

namespace catflap::netfilter {
namespace {

// Read at once, so that whoever changes rules without end does not keep the caller.
constexpr int kMostAtOnce = 1024;

// Tables, chains, rules and counters have the name of their table as the same attribute. Elements of sets, of which
// kube-proxy changes many, are none of ours.
static_assert(int{NFTA_TABLE_NAME} == int{NFTA_CHAIN_TABLE} && int{NFTA_CHAIN_TABLE} == int{NFTA_RULE_TABLE});

bool is_about_rules(nl_msg* message) {
    const nlmsghdr* header = nlmsg_hdr(message);
    const int type = NFNL_MSG_TYPE(header->nlmsg_type);
    return NFNL_SUBSYS_ID(header->nlmsg_type) == NFNL_SUBSYS_NFTABLES && type != NFT_MSG_NEWSETELEM &&
           type != NFT_MSG_DELSETELEM && type != NFT_MSG_NEWGEN;
}

bool concerns(nl_msg* message, const std::vector<std::string>& tables) {
    const nlattr* name = nlmsg_find_attr(nlmsg_hdr(message), sizeof(nfgenmsg), NFTA_TABLE_NAME);
    return name != nullptr && std::ranges::find(tables, std::string(nla_get_string(name))) != tables.end();
}

struct Reading {
    const std::vector<std::string>& tables;
    bool changed = false;
    bool rules = false;
};

int on_message(nl_msg* message, void* data) {
    auto* reading = static_cast<Reading*>(data);
    if (is_about_rules(message)) {
        reading->rules = true;
        reading->changed |= concerns(message, reading->tables);
    }
    return NL_OK;
}

}  // namespace

void RulesetWatch::SocketCloser::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}

RulesetWatch::RulesetWatch(nl_sock* socket, std::vector<std::string> tables)
    : socket_(socket), tables_(std::move(tables)) {}
RulesetWatch::RulesetWatch(RulesetWatch&&) noexcept = default;
RulesetWatch& RulesetWatch::operator=(RulesetWatch&&) noexcept = default;
RulesetWatch::~RulesetWatch() = default;

Result<RulesetWatch> RulesetWatch::open(std::vector<std::string> tables, int receive_buffer_bytes) {
    RulesetWatch watch(nl_socket_alloc(), std::move(tables));
    nl_sock* socket = watch.socket_.get();
    if (!socket)
        return fail("open a netlink socket: out of memory");
    nl_socket_disable_seq_check(socket);
    if (const int code = nl_connect(socket, NETLINK_NETFILTER); code < 0)
        return fail("open a netlink socket of netfilter: {}", nl_geterror(code));
    nl_socket_set_nonblocking(socket);
    const int fd = nl_socket_get_fd(socket);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes, sizeof(receive_buffer_bytes)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(receive_buffer_bytes));
    if (const int code = nl_socket_add_membership(socket, NFNLGRP_NFTABLES); code < 0)
        return fail("subscribe to changes of nftables: {}", nl_geterror(code));
    return watch;
}

int RulesetWatch::fd() const {
    return nl_socket_get_fd(socket_.get());
}

bool RulesetWatch::changed() {
    Reading reading{tables_};
    nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, on_message, &reading);
    for (int i = 0; i < kMostAtOnce; ++i) {
        const int code = nl_recvmsgs_default(socket_.get());
        if (code == -NLE_AGAIN)
            break;
        // Events were lost (ENOBUFS), or one is not understood: it may have been about ours.
        const bool lost = code < 0 && code != -NLE_INTR;
        reading.changed |= lost;
        reading.rules |= lost;
    }
    heard_of_rules_ = reading.rules;
    return reading.changed;
}

}  // namespace catflap::netfilter
