// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/connection_dump.h"

#include <arpa/inet.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>

namespace catflap::kernel {
namespace {

// The kernel's own bound on one message of a dump (netlink_recvmsg).
constexpr size_t kMessageBytes = 32768;

Address read_address(const nf_conntrack* entry, nf_conntrack_attr ipv4, nf_conntrack_attr ipv6) {
    Address address;
    if (nfct_get_attr_u8(entry, ATTR_L3PROTO) == AF_INET) {
        address.bytes[10] = address.bytes[11] = 0xff;
        const uint32_t value_be = nfct_get_attr_u32(entry, ipv4);
        std::memcpy(address.bytes.data() + 12, &value_be, sizeof(value_be));
    } else if (const void* value = nfct_get_attr(entry, ipv6)) {
        std::memcpy(address.bytes.data(), value, address.bytes.size());
    }
    return address;
}

uint16_t port(const nf_conntrack* entry, nf_conntrack_attr attribute) {
    return ntohs(nfct_get_attr_u16(entry, attribute));
}

// Of what flows through a flow table of the kernel nf_conntrack says no state of TCP.
uint8_t state_of(const nf_conntrack* entry, uint8_t protocol) {
    if (protocol == IPPROTO_TCP && nfct_attr_is_set(entry, ATTR_TCP_STATE) > 0)
        return state_of_tcp(nfct_get_attr_u8(entry, ATTR_TCP_STATE));
    return nfct_get_attr_u32(entry, ATTR_STATUS) & IPS_SEEN_REPLY ? CATFLAP_FLOW_ESTABLISHED : CATFLAP_FLOW_OPENING;
}

Connection read_connection(const nf_conntrack* entry) {
    Connection connection;
    const uint8_t protocol = nfct_get_attr_u8(entry, ATTR_L4PROTO);
    connection.protocol = protocol;
    connection.state = state_of(entry, protocol);
    connection.client = read_address(entry, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC);
    connection.destination = read_address(entry, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST);
    connection.server = read_address(entry, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC);
    connection.peer = read_address(entry, ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST);
    if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP) {
        connection.client_port = port(entry, ATTR_ORIG_PORT_SRC);
        connection.destination_port = port(entry, ATTR_ORIG_PORT_DST);
        connection.server_port = port(entry, ATTR_REPL_PORT_SRC);
        connection.peer_port = port(entry, ATTR_REPL_PORT_DST);
    }
    connection.expires_in_s = nfct_get_attr_u32(entry, ATTR_TIMEOUT);
    return connection;
}

// Nothing: it cannot be read, or is of a zone, in which the datapath does not look.
std::optional<Connection> parse(const nlmsghdr* message) {
    const std::unique_ptr<nf_conntrack, void (*)(nf_conntrack*)> entry(nfct_new(), nfct_destroy);
    if (!entry || nfct_nlmsg_parse(message, entry.get()) < 0)
        return std::nullopt;
    for (const nf_conntrack_attr zone : {ATTR_ZONE, ATTR_ORIG_ZONE, ATTR_REPL_ZONE})
        if (nfct_attr_is_set(entry.get(), zone) > 0)
            return std::nullopt;
    return read_connection(entry.get());
}

}  // namespace

Result<ConnectionDump> ConnectionDump::begin() {
    UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
    if (!socket)
        return fail_errno(errno, "ask for the connections of nf_conntrack");
    struct {
        nlmsghdr header;
        nfgenmsg family;
    } request{};
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.family.nfgen_family = AF_UNSPEC;
    request.family.version = NFNETLINK_V0;
    if (::send(socket.get(), &request, sizeof(request), 0) < 0)
        return fail_errno(errno, "ask for the connections of nf_conntrack");
    return ConnectionDump(std::move(socket));
}

// Never waits: what is read next has been made when the last was read.
Result<> ConnectionDump::step(std::vector<Connection>& found) {
    alignas(nlmsghdr) std::array<char, kMessageBytes> buffer;
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0)
        return fail_errno(errno, "read the connections of nf_conntrack");
    auto left = static_cast<int>(got);
    for (auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
         left > 0 && NLMSG_OK(message, static_cast<uint32_t>(left)); message = NLMSG_NEXT(message, left)) {
        if (message->nlmsg_type == NLMSG_DONE) {
            over_ = true;
        } else if (message->nlmsg_type == NLMSG_ERROR) {
            const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(message));
            over_ = true;
            if (error->error != -ENOENT && error->error != -EOPNOTSUPP)
                return fail_errno(error->error, "read the connections of nf_conntrack");
        } else if (const auto connection = parse(message)) {
            found.push_back(*connection);
        }
    }
    return {};
}

}  // namespace catflap::kernel
