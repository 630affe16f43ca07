// SPDX-License-Identifier: Apache-2.0
#include "control/node_lock.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <thread>

namespace catflap::control {
namespace {

// An abstract address: it belongs to the network namespace, and goes with its socket.
constexpr std::string_view kName{"\0catflap-agent", 14};
// Nobody accepts: those who asked stay in the queue.
constexpr int kQueue = 4096;

struct AbstractAddress {
    sockaddr_un address{};
    socklen_t length = 0;

    AbstractAddress() {
        address.sun_family = AF_UNIX;
        std::ranges::copy(kName, address.sun_path);
        length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + kName.size());
    }
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

UniqueFd new_socket() {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// Who listens there; nothing: nobody does. Between bind() and listen() of another agent nobody does, either.
std::optional<ucred> holder_of(const AbstractAddress& where) {
    for (int attempt = 0; attempt < 5; ++attempt) {
        const UniqueFd socket = new_socket();
        ucred holder{};
        socklen_t length = sizeof(holder);
        // A full queue (EAGAIN) is somebody's, too, but does not say whose.
        if (socket && connect(socket.get(), where.get(), where.length) == 0 &&
            getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &holder, &length) == 0)
            return holder;
        if (errno == EAGAIN)
            return ucred{0, 0, 0};
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return std::nullopt;
}

}  // namespace

Result<UniqueFd> lock_network_namespace() {
    const AbstractAddress where;
    UniqueFd socket = new_socket();
    if (!socket)
        return fail_errno(errno, "open a socket");
    if (bind(socket.get(), where.get(), where.length) == 0) {
        if (listen(socket.get(), kQueue) != 0)
            return fail_errno(errno, "lock this network namespace");
        return socket;
    }
    if (errno != EADDRINUSE)
        return fail_errno(errno, "lock this network namespace");
    const auto holder = holder_of(where);
    if (!holder || holder->uid != 0) {
        spdlog::warn(
            "an unprivileged process holds the name by which agents know of each other in this network "
            "namespace (@catflap-agent): another agent would not be noticed");
        return socket;
    }
    const std::string who = holder->pid > 0 ? fmt::format(" (pid {})", holder->pid) : "";
    return tl::unexpected(
        Error{EADDRINUSE, fmt::format("another agent{} enforces in this network namespace: stop it first, whatever "
                                      "its --run-dir and --pin-dir are",
                                      who)});
}

}  // namespace catflap::control
