// SPDX-License-Identifier: Apache-2.0
#include "control/readiness.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/unique_fd.h"

namespace catflap::control {

Result<> notify_ready() {
    constexpr std::string_view kReady = "READY=1";
    const char* variable = std::getenv("NOTIFY_SOCKET");
    if (variable == nullptr || *variable == '\0')
        return {};
    const std::string_view path = variable;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if ((path[0] != '/' && path[0] != '@') || path.size() >= sizeof(address.sun_path))
        return fail("tell {} that catflapd is ready: it is no socket's path", path);
    std::ranges::copy(path, address.sun_path);
    if (path[0] == '@')  // an abstract one
        address.sun_path[0] = '\0';
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (!socket || sendto(socket.get(), kReady.data(), kReady.size(), MSG_NOSIGNAL,
                          reinterpret_cast<const sockaddr*>(&address), length) < 0)
        return fail_errno(errno, "tell {} that catflapd is ready", path);
    return {};
}

}  // namespace catflap::control
