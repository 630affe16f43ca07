// SPDX-License-Identifier: Apache-2.0
#include "bench/traffic/frames.h"

#include <arpa/inet.h>

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <atomic>

#include "bench/lab/netns.h"
#include "bench/traffic/workload.h"

namespace catflap::bench {

Result<FrameSender> FrameSender::open(const Site& site, const PodPlace& from, uint64_t flows) {
    return open_in(site.netns(from), from, flows);
}

Result<FrameSender> FrameSender::open_on_wire(const Site& site, const PodPlace& from, OnWire on_wire) {
    auto sender = open_in(site.netns(kNodeB), from, UINT64_MAX);
    if (!sender)
        return sender;
    sender->on_wire_ = on_wire;
    for (Bytes& frame : sender->frames_)
        set_macs(frame, wire_to_node_a());
    return sender;
}

Result<FrameSender> FrameSender::open_in(const std::string& netns, const PodPlace& from, uint64_t flows) {
    const InNamespace inside(netns);
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
    sender.frames_.assign(kBatch, udp_frame(from.address, kServer.address, 0, 0));
    sender.flows_ = flows;
    // Flows of earlier senders may still be remembered: go on behind them.
    static std::atomic<uint64_t> begin{0};
    sender.first_ = begin.fetch_add(250'007);
    return sender;
}

void FrameSender::choose_source(Bytes& frame, uint64_t flow) const {
    constexpr uint32_t kSources = 198U << 24 | 18U << 16;
    constexpr uint32_t kAnywhere = 11U << 24;
    if (on_wire_ == OnWire::sources)
        set_source_address(frame, kSources + static_cast<uint32_t>(flow % 100'000));
    else if (on_wire_ == OnWire::any_address)
        set_source_address(frame, kAnywhere + (static_cast<uint32_t>(flow * 0x9e3779b97f4a7c15ULL >> 40) & 0xffffff));
}

Result<size_t> FrameSender::send(size_t count) {
    constexpr uint64_t kSourcePorts = 64'000;
    constexpr uint64_t kPorts = kLastPort - kFirstPort + 1;
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> parts{};
    count = std::min(count, kBatch);
    for (size_t i = 0; i < count; ++i, ++sent_) {
        const uint64_t flow = first_ + sent_ % flows_;
        Bytes& frame = frames_[i];
        choose_source(frame, flow);
        set_source_port(frame, static_cast<unsigned>(1024 + flow % kSourcePorts));
        const auto port = static_cast<unsigned>(kFirstPort + flow / kSourcePorts % kPorts);
        set_destination_port(frame, port);
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
