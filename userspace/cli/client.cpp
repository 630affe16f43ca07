// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/unique_fd.h"
#include "cli/command.h"

namespace catflap::cli {
namespace {

using std::chrono::milliseconds;

template <class... Args>
tl::unexpected<Refusal> no_agent(fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected(Refusal{kNoAgent, fmt::format(format, std::forward<Args>(args)...), false});
}

// What to do about it.
std::string_view advice(int code) {
    if (code == ENOENT || code == ECONNREFUSED)
        return "; is catflapd running?";
    return code == EACCES || code == EPERM ? "; only root may ask" : "";
}

void set_patience(int fd, milliseconds patience) {
    patience = std::max(patience, milliseconds(1));  // to the kernel, 0 is for ever
    const timeval limit{.tv_sec = patience.count() / 1000,
                        .tv_usec = static_cast<suseconds_t>(patience.count() % 1000 * 1000)};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

tl::expected<UniqueFd, Refusal> connect_to(const std::string& path, milliseconds patience) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    errno = fd ? ENAMETOOLONG : errno;
    bool connected = false;
    if (fd && path.size() < sizeof(address.sun_path)) {
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        set_patience(fd.get(), patience);
        connected = connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    }
    if (!connected)
        return no_agent("connect to the agent at {}: {}{}", path, std::strerror(errno), advice(errno));
    return fd;
}

// An agent that refuses may answer and close before it has read everything: sending may fail, the
// answer is there.
void send_line(int fd, std::string_view line) {
    while (!line.empty()) {
        const ssize_t count = send(fd, line.data(), line.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return;
        line.remove_prefix(static_cast<size_t>(count));
    }
}

tl::expected<std::string, Refusal> receive_line(int fd, const std::string& path, milliseconds patience) {
    std::string line;
    std::vector<char> buffer(64 << 10);
    while (!line.ends_with('\n')) {
        const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return tl::unexpected(Refusal{
                kNoAgent, fmt::format("the agent at {} has not answered for {} ms", path, patience.count()), true});
        if (count < 0)
            return no_agent("read the answer of the agent at {}: {}", path, std::strerror(errno));
        if (count == 0)
            return no_agent("the agent at {} has gone without a complete answer", path);
        line.append(buffer.data(), static_cast<size_t>(count));
    }
    return line;
}

Answer judge(nlohmann::json answer, const std::string& path) {
    const auto is = [&](const char* field, auto type_matches) {
        const auto found = answer.find(field);
        return found != answer.end() && type_matches(*found);
    };
    if (!answer.is_object() || !is("ok", [](const auto& ok) { return ok.is_boolean(); }))
        return no_agent("what answers at {} is not catflapd", path);
    if (answer["ok"] == true)
        return answer;
    Refusal refusal{.exit_code = kRefused, .message = "the agent refused, without a reason"};
    if (is("error", [](const auto& error) { return error.is_string(); }))
        refusal.message = answer["error"];
    if (is("exit", [](const auto& code) { return code.is_number_integer() && code >= 1 && code <= 3; }))
        refusal.exit_code = answer["exit"];
    return tl::unexpected(refusal);
}

}  // namespace

Answer ask(const std::filesystem::path& run_dir, const nlohmann::json& request, milliseconds patience) {
    const std::string path = run_dir / "control.sock";
    const auto fd = connect_to(path, patience);
    if (!fd)
        return tl::unexpected(fd.error());
    send_line(fd->get(), request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    const auto line = receive_line(fd->get(), path, patience);
    if (!line)
        return tl::unexpected(line.error());
    return judge(nlohmann::json::parse(*line, nullptr, false), path);
}

}  // namespace catflap::cli
