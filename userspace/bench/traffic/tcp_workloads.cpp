// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <thread>

#include "bench/lab/netns.h"
#include "bench/measure/statistics.h"
#include "bench/traffic/tcp_sockets.h"
#include "bench/traffic/workload.h"

namespace catflap::bench {
namespace {

constexpr size_t kMessageBytes = 64;
using Message = std::array<char, kMessageBytes>;

bool send_message(int sock) {
    const Message message{};
    return send(sock, message.data(), message.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(message.size());
}
bool receive_message(int sock) {
    Message message{};
    return recv(sock, message.data(), message.size(), MSG_WAITALL) == static_cast<ssize_t>(message.size());
}

// The server closes first, so that no port of the client waits for old segments.
Result<> one_connection(int listener, const sockaddr_in& address) {
    const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return fail_errno(errno, "connect");
    UniqueFd server(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!server)
        return fail_errno(errno, "accept");
    if (!send_message(client.get()) || !receive_message(server.get()) || !send_message(server.get()) ||
        !receive_message(client.get()))
        return fail_errno(errno, "request and response");
    server.reset();
    return {};
}

class Connections : public Workload {
  public:
    Connections(std::string client_netns, UniqueFd listener)
        : client_netns_(std::move(client_netns)), listener_(std::move(listener)) {
        address_.sin_family = AF_INET;
        address_.sin_port = htons(kFirstPort);
        inet_pton(AF_INET, kServer.address, &address_.sin_addr);
    }

    Result<Slice> work(uint64_t at_least_ns) override {
        const InNamespace inside(client_netns_);
        if (!inside.entered())
            return tl::unexpected(inside.entered().error());
        Slice slice;
        for (const uint64_t begin = now_ns(); slice.ns < at_least_ns; slice.ns = now_ns() - begin, ++slice.done)
            if (auto done = one_connection(listener_.get(), address_); !done)
                return tl::unexpected(done.error());
        return slice;
    }

  private:
    std::string client_netns_;
    UniqueFd listener_;
    sockaddr_in address_{};
};

class Requests : public Workload {
  public:
    explicit Requests(TcpPair pair) : pair_(std::move(pair)) {}

    Result<Slice> work(uint64_t at_least_ns) override {
        const int client = pair_.client.get(), server = pair_.server.get();
        Slice slice;
        for (const uint64_t begin = now_ns(); slice.ns < at_least_ns; slice.ns = now_ns() - begin, ++slice.done)
            if (!send_message(client) || !receive_message(server) || !send_message(server) || !receive_message(client))
                return fail_errno(errno, "request and response");
        return slice;
    }

  private:
    TcpPair pair_;
};

}  // namespace

Result<std::unique_ptr<Workload>> tcp_connections(const Site& site, const Path& path) {
    auto listener = tcp_listener(site, kServer, kFirstPort);
    if (!listener)
        return tl::unexpected(listener.error());
    return std::make_unique<Connections>(site.netns(path.client), std::move(*listener));
}

Result<std::unique_ptr<Workload>> tcp_requests(const Site& site, const Path& path) {
    auto pair = tcp_pair(site, path.client, kFirstPort);
    if (!pair)
        return tl::unexpected(pair.error());
    return std::make_unique<Requests>(std::move(*pair));
}

Result<Reading> request_latency(const Site& site, const Path& path, const Settings& settings) {
    auto pair = tcp_pair(site, path.client, kFirstPort);
    if (!pair)
        return tl::unexpected(pair.error());
    std::thread responder([&, server = pair->server.get()] {
        (void)pin_to_cpu(settings.cpu);
        while (receive_message(server) && send_message(server)) {
        }
    });
    Reading reading;
    bool broken = false;
    const auto request_for = [&](uint64_t ns) {
        const uint64_t end = now_ns() + ns;
        for (uint64_t begin = now_ns(); begin < end && !broken;) {
            broken = !send_message(pair->client.get()) || !receive_message(pair->client.get());
            const uint64_t after = now_ns();
            reading.latencies_us.push_back(static_cast<double>(after - begin) / 1e3);
            begin = after;
        }
    };
    request_for(settings.window_ns / 10);
    reading.latencies_us.clear();
    const Stopwatch stopwatch(settings.cpu);
    request_for(settings.window_ns);
    reading.window = stopwatch.stop();
    reading.window.taken = 0;  // the two threads take the CPU from each other: that is the plan
    shutdown(pair->client.get(), SHUT_RDWR);
    responder.join();
    if (broken)
        return fail("the connection for requests broke in mode {}", site.mode().name);
    reading.value = median_of(reading.latencies_us);
    return reading;
}

Result<Reading> bulk_bits(const Site& site, const Path& path, const Settings& settings) {
    auto pair = tcp_pair(site, path.client, kFirstPort);
    if (!pair)
        return tl::unexpected(pair.error());
    std::atomic<uint64_t> received{0};
    std::thread receiver([&, server = pair->server.get()] {
        (void)pin_to_cpu(settings.cpu == 0 ? cpu_count() - 1 : settings.cpu - 1);
        std::vector<char> buffer(256 << 10);
        for (ssize_t bytes = 1; bytes > 0;) {
            bytes = recv(server, buffer.data(), buffer.size(), 0);
            received += bytes > 0 ? static_cast<uint64_t>(bytes) : 0;
        }
    });
    const std::vector<char> buffer(128 << 10);
    bool broken = false;
    const auto send_for = [&](uint64_t ns) {
        for (const uint64_t end = now_ns() + ns; now_ns() < end && !broken;)
            broken = send(pair->client.get(), buffer.data(), buffer.size(), MSG_NOSIGNAL) < 0;
    };
    send_for(settings.window_ns / 4);
    const uint64_t before = received;
    const Stopwatch stopwatch(settings.cpu);
    send_for(settings.window_ns);
    Reading reading;
    reading.window = stopwatch.stop();
    reading.value = static_cast<double>(received - before) * 8 / reading.window.seconds();
    shutdown(pair->client.get(), SHUT_RDWR);
    receiver.join();
    if (broken)
        return fail("the bulk connection broke in mode {}", site.mode().name);
    return reading;
}

}  // namespace catflap::bench
