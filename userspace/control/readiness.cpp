// SPDX-License-Identifier: Apache-2.0
#include "control/readiness.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/unique_fd.h"

namespace catflap::control {

Result<> notify(std::string_view state) {
    const char* variable = std::getenv("NOTIFY_SOCKET");
    if (variable == nullptr || *variable == '\0')
        return {};
    const std::string_view path = variable;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if ((path[0] != '/' && path[0] != '@') || path.size() >= sizeof(address.sun_path))
        return fail("tell {} \"{}\": it is no socket's path", path, state);
    std::ranges::copy(path, address.sun_path);
    if (path[0] == '@')  // an abstract one
        address.sun_path[0] = '\0';
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (!socket || sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                          reinterpret_cast<const sockaddr*>(&address), length) < 0)
        return fail_errno(errno, "tell {} \"{}\"", path, state);
    return {};
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    const auto number = [](const char* variable) {
        const char* text = std::getenv(variable);
        return text == nullptr ? 0ULL : std::strtoull(text, nullptr, 10);
    };
    const auto pid = number("WATCHDOG_PID");
    const auto limit = number("WATCHDOG_USEC");
    if (limit == 0 || (pid != 0 && pid != static_cast<unsigned long long>(getpid())))
        return std::nullopt;
    return std::chrono::microseconds(limit / 2);
}

}  // namespace catflap::control
