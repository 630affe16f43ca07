// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>

#include "bench/traffic/arrivals.h"
#include "bench/traffic/frames.h"
#include "bench/traffic/workload.h"

namespace catflap::bench {
namespace {

constexpr size_t kPayloadBytes = 18;

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

// What ksoftirqd carries is not there yet when its sender returns: waits for it, a millisecond at most.
void await_arrivals(const Arrivals& arrivals, uint64_t expected) {
    for (const uint64_t begin = now_ns(); arrivals.count() < expected && now_ns() - begin < kMillisecondNs;)
        sched_yield();
}

class EstablishedFlow : public Workload {
  public:
    EstablishedFlow(Arrivals arrivals, UniqueFd server, UniqueFd client)
        : arrivals_(std::move(arrivals)),
          server_(std::move(server)),
          client_(std::move(client)),
          blaster_(client_.get()) {}

    Result<Slice> work(uint64_t at_least_ns) override {
        const uint64_t before = arrivals_.count();
        const uint64_t begin = now_ns();
        uint64_t sent = 0;
        while (now_ns() - begin < at_least_ns) {
            auto batch = blaster_.send();
            if (!batch)
                return tl::unexpected(batch.error());
            sent += *batch;
        }
        await_arrivals(arrivals_, before + sent);
        return Slice{arrivals_.count() - before, now_ns() - begin};
    }

  private:
    Arrivals arrivals_;
    UniqueFd server_;
    UniqueFd client_;
    Blaster blaster_;
};

// Few at a time: where a packet takes a millisecond, a slice must not take a second.
constexpr size_t kFramesAtOnce = 16;

class NewFlows : public Workload {
  public:
    NewFlows(const Site& site, Arrivals arrivals, std::vector<UniqueFd> sockets, FrameSender sender, bool allowed)
        : site_(site),
          arrivals_(std::move(arrivals)),
          sockets_(std::move(sockets)),
          sender_(std::move(sender)),
          allowed_(allowed) {}

    Result<Slice> work(uint64_t at_least_ns) override {
        const uint64_t before = arrivals_.count();
        const uint64_t begin = now_ns();
        uint64_t sent = 0;
        while (now_ns() - begin < at_least_ns) {
            auto batch = sender_.send(kFramesAtOnce);
            if (!batch)
                return tl::unexpected(batch.error());
            sent += *batch;
        }
        since_rest_ += sent;
        if (allowed_) {
            await_arrivals(arrivals_, before + sent);
            return Slice{arrivals_.count() - before, now_ns() - begin};
        }
        const uint64_t ns = now_ns() - begin;
        if (auto done = none_arrived(); !done)
            return tl::unexpected(done.error());
        return Slice{sent, ns};
    }

    Result<> rest() override {
        if (auto done = none_arrived(); !allowed_ && !done)
            return done;
        if (since_rest_ < kMostFlows)
            return {};
        since_rest_ = 0;
        return site_.forget_connections();
    }

  private:
    // Conntrack, which drops when it is full, is emptied before.
    static constexpr uint64_t kMostFlows = 100'000;

    // Since the sockets are there, also between slices.
    [[nodiscard]] Result<> none_arrived() const {
        const uint64_t arrived = arrivals_.count();
        return arrived == 0 ? Result<>{} : fail("{} packets passed that its policies forbid", arrived);
    }

    const Site& site_;
    Arrivals arrivals_;
    std::vector<UniqueFd> sockets_;
    FrameSender sender_;
    bool allowed_;
    uint64_t since_rest_ = kMostFlows;  // of the workload before
};

Result<std::unique_ptr<Workload>> new_flows(const Site& site, const PodPlace& from, OnWire on_wire, bool allowed) {
    auto arrivals = Arrivals::make();
    if (!arrivals)
        return tl::unexpected(arrivals.error());
    auto sockets = counting_sockets(site, kServer, *arrivals);
    auto sender =
        on_wire == OnWire::no ? FrameSender::open(site, from) : FrameSender::open_on_wire(site, from, on_wire);
    if (!sockets || !sender)
        return tl::unexpected(!sockets ? sockets.error() : sender.error());
    return std::make_unique<NewFlows>(site, std::move(*arrivals), std::move(*sockets), std::move(*sender), allowed);
}

}  // namespace

Result<std::unique_ptr<Workload>> established_packets(const Site& site, const Path& path) {
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
    return std::make_unique<EstablishedFlow>(std::move(*arrivals), std::move(*server), std::move(*client));
}

Result<std::unique_ptr<Workload>> new_flow_packets(const Site& site, const Path& path) {
    return new_flows(site, path.client, path.on_wire, true);
}

Result<std::unique_ptr<Workload>> dropped_packets(const Site& site, const Path& path) {
    return new_flows(site, path.stranger, path.on_wire, false);
}

Result<> fill_with_flows(const Site& site, const Path& path, uint64_t flows, uint64_t at_most_ns) {
    auto workload = new_flow_packets(site, path);
    if (!workload)
        return tl::unexpected(workload.error());
    const uint64_t begin = now_ns();
    for (uint64_t passed = 0; passed < flows;) {
        if (now_ns() - begin > at_most_ns)
            return fail("{} of {} flows passed in {} s", passed, flows, at_most_ns / kSecondNs);
        if (auto done = (*workload)->rest(); !done)
            return done;
        auto slice = (*workload)->work(10 * kMillisecondNs);
        if (!slice)
            return tl::unexpected(slice.error());
        passed += slice->done;
    }
    return site.forget_connections();
}

}  // namespace catflap::bench
