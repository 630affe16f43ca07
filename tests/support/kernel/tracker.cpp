// SPDX-License-Identifier: Apache-2.0
#include "support/kernel/tracker.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <vector>

namespace catflap::test {
namespace {

using Entry = std::unique_ptr<nf_conntrack, void (*)(nf_conntrack*)>;

constexpr size_t kEthernetBytes = 14;
constexpr uint32_t kTimeoutS = 600;

struct Seen {
    bool ipv6 = false;
    std::array<uint8_t, 16> source{};
    std::array<uint8_t, 16> destination{};
    uint16_t source_port_be = 0;
    uint16_t destination_port_be = 0;
    uint8_t protocol = 0;
    uint8_t tcp_flags = 0;
};

// Nothing: no frame that nf_conntrack would make an entry for, or one that needs a parser.
std::optional<Seen> read(const Bytes& frame) {
    if (frame.size() < kEthernetBytes + 20)
        return std::nullopt;
    const auto* ip = frame.data() + kEthernetBytes;
    const size_t ip_bytes = frame.size() - kEthernetBytes;
    const int ethertype = frame[12] << 8 | frame[13];
    Seen seen;
    size_t header = 0;
    if (ethertype == 0x0800 && ip[0] == 0x45 && ((ip[6] & 0x3f) | ip[7]) == 0) {
        header = 20;
        seen.protocol = ip[9];
        std::memcpy(seen.source.data(), ip + 12, 4);
        std::memcpy(seen.destination.data(), ip + 16, 4);
    } else if (ethertype == 0x86dd && ip[0] >> 4 == 6 && ip_bytes >= 40) {
        header = 40;
        seen.ipv6 = true;
        seen.protocol = ip[6];
        std::memcpy(seen.source.data(), ip + 8, 16);
        std::memcpy(seen.destination.data(), ip + 24, 16);
    }
    const size_t transport = seen.protocol == IPPROTO_TCP ? 20 : seen.protocol == IPPROTO_UDP ? 8 : 0;
    if (transport == 0 || ip_bytes < header + transport)
        return std::nullopt;
    std::memcpy(&seen.source_port_be, ip + header, 2);
    std::memcpy(&seen.destination_port_be, ip + header + 2, 2);
    if (seen.protocol == IPPROTO_TCP)
        seen.tcp_flags = ip[header + 13];
    return seen;
}

Entry make(const Seen& seen, bool turned) {
    Entry entry(nfct_new(), nfct_destroy);
    const auto& source = turned ? seen.destination : seen.source;
    const auto& destination = turned ? seen.source : seen.destination;
    const uint8_t family = seen.ipv6 ? AF_INET6 : AF_INET;
    nfct_set_attr_u8(entry.get(), ATTR_L3PROTO, family);
    nfct_set_attr_u8(entry.get(), ATTR_L4PROTO, seen.protocol);
    nfct_set_attr(entry.get(), seen.ipv6 ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV4_SRC, source.data());
    nfct_set_attr(entry.get(), seen.ipv6 ? ATTR_ORIG_IPV6_DST : ATTR_ORIG_IPV4_DST, destination.data());
    nfct_set_attr_u16(entry.get(), ATTR_PORT_SRC, turned ? seen.destination_port_be : seen.source_port_be);
    nfct_set_attr_u16(entry.get(), ATTR_PORT_DST, turned ? seen.source_port_be : seen.destination_port_be);
    return entry;
}

constexpr uint8_t kSynSent = TCP_CONNTRACK_SYN_SENT;
constexpr uint8_t kSynSent2 = TCP_CONNTRACK_LISTEN;
constexpr uint8_t kSynReceived = TCP_CONNTRACK_SYN_RECV;
constexpr uint8_t kEstablished = TCP_CONNTRACK_ESTABLISHED;

// IP_CT_TCP_FLAG_SACK_PERM and IP_CT_TCP_FLAG_BE_LIBERAL; their header does not go with libnetfilter_conntrack's.
constexpr uint8_t kPickedUp = 0x02 | 0x08;

uint8_t next_state(uint8_t state, uint8_t flags, bool reply) {
    if (flags & kRst)
        return TCP_CONNTRACK_CLOSE;
    if (flags & kFin)
        return TCP_CONNTRACK_FIN_WAIT;
    if (flags & kSyn && reply)
        return flags & kAck ? kSynReceived : state == kSynSent ? kSynSent2 : state;
    if (state == kSynReceived && !reply)
        return kEstablished;
    return state;
}

// Both sides' flags, all of them.
void mark(nf_conntrack* entry, uint8_t tcp_flags) {
    for (const auto& [flags, mask] :
         {std::pair{ATTR_TCP_FLAGS_ORIG, ATTR_TCP_MASK_ORIG}, std::pair{ATTR_TCP_FLAGS_REPL, ATTR_TCP_MASK_REPL}}) {
        nfct_set_attr_u8(entry, flags, tcp_flags);
        nfct_set_attr_u8(entry, mask, 0xff);
    }
}

int keep(nf_conntrack_msg_type, nf_conntrack* entry, void* data) {
    nfct_copy(static_cast<nf_conntrack*>(data), entry, NFCT_CP_ALL);
    return NFCT_CB_CONTINUE;
}

}  // namespace

void Tracker::Closer::operator()(nfct_handle* handle) const {
    nfct_close(handle);
}

Tracker::Tracker() : handle_(nfct_open(CONNTRACK, 0)), begun_(nullptr, nfct_destroy) {
    if (!handle_)
        throw std::runtime_error(fmt::format("open nf_conntrack: {}", strerror(errno)));
}

void Tracker::set_tcp_flags(uint8_t flags) {
    std::vector<Entry> entries;
    const auto take = [](nf_conntrack_msg_type, nf_conntrack* entry, void* data) -> int {
        Entry copy(nfct_clone(entry), nfct_destroy);
        static_cast<std::vector<Entry>*>(data)->push_back(std::move(copy));
        return NFCT_CB_CONTINUE;
    };
    nfct_callback_register(handle_.get(), NFCT_T_ALL, take, &entries);
    const uint32_t family = AF_UNSPEC;
    nfct_query(handle_.get(), NFCT_Q_DUMP, &family);
    nfct_callback_unregister(handle_.get());
    for (const Entry& entry : entries) {
        if (nfct_get_attr_u8(entry.get(), ATTR_L4PROTO) != IPPROTO_TCP)
            continue;
        mark(entry.get(), flags);
        if (nfct_query(handle_.get(), NFCT_Q_UPDATE, entry.get()) != 0)
            throw std::runtime_error(fmt::format("update a connection of nf_conntrack: {}", strerror(errno)));
    }
}

void Tracker::forget() {
    const uint32_t family = AF_UNSPEC;
    if (nfct_query(handle_.get(), NFCT_Q_FLUSH, &family) != 0)
        throw std::runtime_error(fmt::format("flush nf_conntrack: {}", strerror(errno)));
}

void Tracker::see(const Bytes& frame, bool from_pod) {
    begun_.reset();
    const auto seen = read(frame);
    if (!seen)
        return;
    // The tuple with the pod as source finds the entry whatever was translated behind the veth.
    const Entry asked = make(*seen, !from_pod);
    const Entry found(nfct_new(), nfct_destroy);
    nfct_callback_register(handle_.get(), NFCT_T_ALL, keep, found.get());
    const bool known = nfct_query(handle_.get(), NFCT_Q_GET, asked.get()) == 0;
    nfct_callback_unregister(handle_.get());
    const bool opens = (seen->tcp_flags & (kSyn | kAck | kRst | kFin)) == kSyn;
    bool reply = false;
    uint8_t state = TCP_CONNTRACK_NONE;
    if (known) {
        const auto same = [&](nf_conntrack_attr attribute, size_t bytes) {
            return std::memcmp(nfct_get_attr(found.get(), attribute), nfct_get_attr(asked.get(), attribute), bytes) ==
                   0;
        };
        const bool pod_opened =
            same(seen->ipv6 ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV4_SRC, seen->ipv6 ? 16 : 4) && same(ATTR_PORT_SRC, 2);
        reply = pod_opened != from_pod;
        state = nfct_get_attr_u8(found.get(), ATTR_TCP_STATE);
        // A SYN takes the place of what has ended.
        if (opens && (state == TCP_CONNTRACK_CLOSE || state == TCP_CONNTRACK_FIN_WAIT)) {
            nfct_query(handle_.get(), NFCT_Q_DESTROY, found.get());
        } else {
            if (reply)
                nfct_set_attr_u32(found.get(), ATTR_STATUS,
                                  nfct_get_attr_u32(found.get(), ATTR_STATUS) | IPS_SEEN_REPLY);
            if (seen->protocol == IPPROTO_TCP)
                nfct_set_attr_u8(found.get(), ATTR_TCP_STATE, next_state(state, seen->tcp_flags, reply));
            if (nfct_query(handle_.get(), NFCT_Q_UPDATE, found.get()) != 0)
                throw std::runtime_error(fmt::format("update a connection of nf_conntrack: {}", strerror(errno)));
            return;
        }
    }
    Entry created = make(*seen, false);
    nfct_setobjopt(created.get(), NFCT_SOPT_SETUP_REPLY);
    nfct_set_attr_u32(created.get(), ATTR_TIMEOUT, kTimeoutS);
    if (seen->protocol == IPPROTO_TCP) {
        nfct_set_attr_u8(created.get(), ATTR_TCP_STATE, opens ? kSynSent : kEstablished);
        // What begins in the middle is picked up as established (nf_conntrack_tcp_loose), and marked.
        mark(created.get(), opens ? uint8_t{0} : kPickedUp);
    }
    if (nfct_query(handle_.get(), NFCT_Q_CREATE, created.get()) != 0 && errno != EEXIST)
        throw std::runtime_error(fmt::format("create a connection of nf_conntrack: {}", strerror(errno)));
    begun_ = std::move(created);
}

void Tracker::refused() {
    if (begun_)
        nfct_query(handle_.get(), NFCT_Q_DESTROY, begun_.get());
    begun_.reset();
}

}  // namespace catflap::test
