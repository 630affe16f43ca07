// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

#include "bench/traffic/arrivals.h"
#include "bench/traffic/frames.h"
#include "bench/traffic/workload.h"

namespace catflap::bench {
namespace {

constexpr size_t kPayloadBytes = 18;
constexpr uint64_t kWarmUpShare = 10;  // of the window, before it: a tenth

// Both ends speak, twice: only then is the flow established for conntrack, and assured.
Result<> exchange(int client, int server) {
    const timeval patience{1, 0};
    setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    for (int i = 0; i < 2; ++i) {
        std::array<char, 64> buffer{};
        sockaddr_in peer{};
        socklen_t peer_bytes = sizeof(peer);
        if (send(client, buffer.data(), kPayloadBytes, 0) < 0 ||
            recvfrom(server, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&peer), &peer_bytes) < 0 ||
            sendto(server, buffer.data(), kPayloadBytes, 0, reinterpret_cast<sockaddr*>(&peer), peer_bytes) < 0 ||
            recv(client, buffer.data(), buffer.size(), 0) < 0)
            return fail_errno(errno, "exchange packets before the measurement");
    }
    return {};
}

class Blaster {
  public:
    explicit Blaster(int socket) : socket_(socket) {
        for (size_t i = 0; i < kBatch; ++i) {
            parts_[i] = {payload_.data(), payload_.size()};
            messages_[i].msg_hdr.msg_iov = &parts_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
        }
    }
    Result<size_t> send() {
        const int sent = sendmmsg(socket_, messages_.data(), kBatch, 0);
        if (sent < 0)
            return fail_errno(errno, "send packets");
        return static_cast<size_t>(sent);
    }

  private:
    static constexpr size_t kBatch = 64;
    int socket_;
    std::array<char, kPayloadBytes> payload_{};
    std::array<iovec, kBatch> parts_{};
    std::array<mmsghdr, kBatch> messages_{};
};

struct Rate {
    double sent_per_second = 0;
    double arrived_per_second = 0;
    Window window;
};

// Sends for the window, or up to `most` packets. The first tenth of either is not counted.
template <class Sender>
Result<Rate> rate_of(Sender& sender, const Arrivals& arrivals, const Settings& settings, uint64_t most = UINT64_MAX) {
    const auto send_for = [&](uint64_t ns, uint64_t packets) -> Result<uint64_t> {
        const uint64_t end = now_ns() + ns;
        uint64_t sent = 0;
        while (now_ns() < end && sent < packets) {
            auto batch = sender.send();
            if (!batch)
                return tl::unexpected(batch.error());
            sent += *batch;
        }
        return sent;
    };
    if (auto warm = send_for(settings.window_ns / kWarmUpShare, most / kWarmUpShare); !warm)
        return tl::unexpected(warm.error());
    const uint64_t before = arrivals.count();
    const Stopwatch stopwatch(settings.cpu);
    auto sent = send_for(settings.window_ns, most);
    if (!sent)
        return tl::unexpected(sent.error());
    Rate rate;
    rate.window = stopwatch.stop();
    rate.sent_per_second = static_cast<double>(*sent) / rate.window.seconds();
    rate.arrived_per_second = static_cast<double>(arrivals.count() - before) / rate.window.seconds();
    return rate;
}

// Room for the flows of one measurement in conntrack, which is flushed in between: a full table would drop.
constexpr uint64_t kMostNewFlows = 150'000;

struct FrameRun {
    Rate rate;
    uint64_t arrived = 0;
};

Result<FrameRun> frame_run(const Site& site, const PodPlace& from, const Settings& settings) {
    auto arrivals = Arrivals::make();
    if (!arrivals)
        return tl::unexpected(arrivals.error());
    auto sockets = counting_sockets(site, kServer, *arrivals);
    auto sender = FrameSender::open(site, from);
    if (!sockets || !sender)
        return tl::unexpected(!sockets ? sockets.error() : sender.error());
    auto rate = rate_of(*sender, *arrivals, settings, kMostNewFlows);
    if (!rate)
        return tl::unexpected(rate.error());
    if (auto done = site.forget_connections(); !done)
        return tl::unexpected(done.error());
    return FrameRun{*rate, arrivals->count()};
}

}  // namespace

Result<Reading> established_packets(const Site& site, const Path& path, const Settings& settings) {
    auto arrivals = Arrivals::make();
    auto server = udp_socket(site, kServer, kFirstPort);
    auto client = udp_socket(site, path.client, 0);
    if (!arrivals || !server || !client)
        return tl::unexpected(!arrivals ? arrivals.error() : !server ? server.error() : client.error());
    if (auto done = connect_to(client->get(), kServer, kFirstPort); !done)
        return tl::unexpected(done.error());
    if (auto done = exchange(client->get(), server->get()); !done)
        return tl::unexpected(done.error());
    if (auto done = arrivals->count_at(server->get()); !done)
        return tl::unexpected(done.error());
    Blaster blaster(client->get());
    auto rate = rate_of(blaster, *arrivals, settings);
    if (!rate)
        return tl::unexpected(rate.error());
    return Reading{rate->arrived_per_second, {}, rate->window};
}

Result<Reading> new_flow_packets(const Site& site, const Path& path, const Settings& settings) {
    auto run = frame_run(site, path.client, settings);
    if (!run)
        return tl::unexpected(run.error());
    return Reading{run->rate.arrived_per_second, {}, run->rate.window};
}

Result<Reading> dropped_packets(const Site& site, const Path& path, const Settings& settings) {
    auto run = frame_run(site, path.stranger, settings);
    if (!run)
        return tl::unexpected(run.error());
    if (run->arrived != 0 && site.mode().enforces())
        return fail("mode {} let {} packets through that its policies forbid", site.mode().name, run->arrived);
    return Reading{run->rate.sent_per_second, {}, run->rate.window};
}

}  // namespace catflap::bench
