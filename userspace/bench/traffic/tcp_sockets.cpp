// SPDX-License-Identifier: Apache-2.0
#include "bench/traffic/tcp_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "bench/lab/netns.h"

namespace catflap::bench {
namespace {

sockaddr_in address_of(const PodPlace& pod, uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, pod.address, &address.sin_addr);
    return address;
}

}  // namespace

Result<UniqueFd> tcp_listener(const Site& site, const PodPlace& pod, uint16_t port) {
    const InNamespace inside(site.netns(pod));
    if (!inside.entered())
        return tl::unexpected(inside.entered().error());
    UniqueFd sock(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    setsockopt(sock.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    const sockaddr_in address = address_of(pod, port);
    if (bind(sock.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(sock.get(), 1024) != 0)
        return fail_errno(errno, "listen on TCP port {} of {} in mode {}", port, pod.name, site.mode().name);
    return sock;
}

Result<UniqueFd> tcp_connection(const Site& site, const PodPlace& from, const PodPlace& to, uint16_t port,
                                std::chrono::milliseconds patience) {
    const InNamespace inside(site.netns(from));
    if (!inside.entered())
        return tl::unexpected(inside.entered().error());
    UniqueFd sock(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_in address = address_of(to, port);
    if (connect(sock.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 && errno != EINPROGRESS)
        return fail_errno(errno, "connect from {} to port {} in mode {}", from.name, port, site.mode().name);
    pollfd writable{sock.get(), POLLOUT, 0};
    int error = ETIMEDOUT;
    if (poll(&writable, 1, static_cast<int>(patience.count())) > 0) {
        socklen_t bytes = sizeof(error);
        getsockopt(sock.get(), SOL_SOCKET, SO_ERROR, &error, &bytes);
    }
    if (error != 0)
        return fail_errno(error, "connect from {} to port {} in mode {}", from.name, port, site.mode().name);
    return sock;
}

Result<TcpPair> tcp_pair(const Site& site, const PodPlace& from, uint16_t port) {
    TcpPair pair;
    auto listener = tcp_listener(site, kServer, port);
    if (!listener)
        return tl::unexpected(listener.error());
    auto client = tcp_connection(site, from, kServer, port);
    if (!client)
        return tl::unexpected(client.error());
    pair.listener = std::move(*listener);
    pair.client = std::move(*client);
    pair.server.reset(accept4(pair.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!pair.server)
        return fail_errno(errno, "accept");
    fcntl(pair.client.get(), F_SETFL, 0);  // blocking from here on
    const int yes = 1;
    for (const int sock : {pair.client.get(), pair.server.get()})
        setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    return pair;
}

}  // namespace catflap::bench
