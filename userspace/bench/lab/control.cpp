// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/control.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"

namespace catflap::bench {

Result<nlohmann::json> ask_agent(const std::filesystem::path& run_directory, const nlohmann::json& request,
                                 std::chrono::seconds patience) {
    const std::string path = run_directory / "control.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return fail("{} is too long for a socket", path);
    path.copy(address.sun_path, path.size());
    const UniqueFd sock(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval timeout{patience.count(), 0};
    setsockopt(sock.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    if (connect(sock.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
        return fail_errno(errno, "connect to {}", path);
    const std::string line = request.dump() + "\n";
    if (send(sock.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
        return fail_errno(errno, "ask the agent at {}", path);
    std::string answer;
    std::array<char, 65536> buffer{};
    while (answer.empty() || answer.back() != '\n') {
        const ssize_t count = recv(sock.get(), buffer.data(), buffer.size(), 0);
        if (count <= 0)
            return fail_errno(count == 0 ? ECONNRESET : errno, "the agent's answer at {}", path);
        answer.append(buffer.data(), static_cast<size_t>(count));
    }
    auto parsed = nlohmann::json::parse(answer, nullptr, false);
    if (parsed.is_discarded() || !parsed.value("ok", false))
        return fail("the agent at {} answers {}", path, answer);
    return parsed;
}

}  // namespace catflap::bench
