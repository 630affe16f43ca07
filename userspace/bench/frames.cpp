// SPDX-License-Identifier: Apache-2.0
#include "bench/frames.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>

#include "bench/netns.h"
#include "bench/workload.h"

namespace catflap::bench {
namespace {

constexpr size_t kIp = 14;
constexpr size_t kUdp = kIp + 20;

void put16(uint8_t* at, unsigned value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
}

uint16_t ip_checksum(const uint8_t* header) {
    unsigned sum = 0;
    for (size_t i = 0; i < 20; i += 2)
        sum += static_cast<unsigned>(header[i] << 8 | header[i + 1]);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

// Ethernet, IPv4, UDP without a checksum, 18 bytes.
template <class Frame>
Frame template_frame(const char* source, const char* destination) {
    Frame frame{};
    std::memset(frame.data(), 0xee, ETH_ALEN);
    frame[6] = 0x02;
    put16(&frame[12], ETH_P_IP);
    uint8_t* ip = &frame[kIp];
    ip[0] = 0x45;
    put16(ip + 2, static_cast<unsigned>(frame.size() - kIp));
    put16(ip + 6, 0x4000);  // don't fragment
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    inet_pton(AF_INET, source, ip + 12);
    inet_pton(AF_INET, destination, ip + 16);
    put16(ip + 10, ip_checksum(ip));
    put16(&frame[kUdp + 4], static_cast<unsigned>(frame.size() - kUdp));
    return frame;
}

}  // namespace

Result<FrameSender> FrameSender::open(const Site& site, const PodPlace& from, bool closed) {
    const InNamespace inside(site.netns(from));
    if (!inside.entered())
        return tl::unexpected(inside.entered().error());
    FrameSender sender;
    sender.socket_.reset(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = 0;  // sends, and receives nothing
    address.sll_ifindex = static_cast<int>(if_nametoindex("eth0"));
    const int yes = 1;
    if (!sender.socket_ || bind(sender.socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        setsockopt(sender.socket_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes)) != 0)
        return fail_errno(errno, "open a packet socket in {}", from.name);
    sender.frames_.assign(kBatch, template_frame<Frame>(from.address, kServer.address));
    sender.closed_ = closed;
    // Flows of earlier senders may still be remembered: go on behind them.
    static std::atomic<uint64_t> begin{0};
    sender.next_ = begin.fetch_add(250'007);
    return sender;
}

Result<size_t> FrameSender::send(size_t count) {
    constexpr uint64_t kSourcePorts = 64'000;
    constexpr uint64_t kPorts = kLastPort - kFirstPort + 1;
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> parts{};
    count = std::min(count, kBatch);
    for (size_t i = 0; i < count; ++i, ++next_) {
        Frame& frame = frames_[i];
        put16(&frame[kUdp], static_cast<unsigned>(1024 + next_ % kSourcePorts));
        const auto port = static_cast<unsigned>(kFirstPort + next_ / kSourcePorts % kPorts);
        put16(&frame[kUdp + 2], closed_ ? kClosedPort : port);
        parts[i] = {frame.data(), frame.size()};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = sendmmsg(socket_.get(), messages.data(), static_cast<unsigned>(count), 0);
    if (sent < 0)
        return fail_errno(errno, "send frames");
    return static_cast<size_t>(sent);
}

}  // namespace catflap::bench
