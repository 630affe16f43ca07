// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include <fmt/format.h>
#include <poll.h>
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
    return tl::unexpected(Refusal{kNoAccess, fmt::format(format, std::forward<Args>(args)...), false});
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
    if (!connected && errno == EAGAIN)
        return tl::unexpected(Refusal{kNoAccess,
                                      fmt::format("the agent at {} has not taken the connection within {} ms: too many "
                                                  "wait for it already, or it is stuck; see its log",
                                                  path, patience.count()),
                                      true});
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

// Who listens; 0 where that cannot be told.
int agent_of(int fd) {
    ucred peer{};
    socklen_t length = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}

}  // namespace

Refusal Client::too_late() const {
    const int pid = agent_of(fd_.get());
    return {
        kNoAccess,
        fmt::format("the agent{} at {} has not answered within {} ms. What it enforced stays enforced, but no change "
                    "is taken meanwhile: look at its log (journalctl -u catflapd) and its state (ps, stopped?), "
                    "restart it if it stays so, or wait longer (--timeout 10s)",
                    pid > 0 ? fmt::format(" (pid {})", pid) : "", path_, patience_.count()),
        true};
}

tl::expected<std::string, Refusal> Client::receive_line() {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::max(patience_, milliseconds(1));
    std::string line = take_line();
    std::vector<char> buffer(64 << 10);
    for (; line.empty(); line = take_line()) {
        const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
        if (left <= milliseconds(0))
            return tl::unexpected(too_late());
        set_patience(fd_.get(), left);
        const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (count < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (count < 0)
            return no_agent("read the answer of the agent at {}: {}", path_, std::strerror(errno));
        if (count == 0)
            return no_agent("the agent at {} has gone without a complete answer", path_);
        input_.append(buffer.data(), static_cast<size_t>(count));
    }
    return line;
}

std::string Client::take_line() {
    const size_t end = input_.find('\n', searched_);
    searched_ = end == std::string::npos ? input_.size() : 0;
    std::string line = end == std::string::npos ? "" : input_.substr(0, end + 1);
    input_.erase(0, line.size());
    return line;
}

tl::expected<std::string, Refusal> Client::next_line(milliseconds limit) {
    std::string line = take_line();
    pollfd poller{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (!line.empty() || poll(&poller, 1, static_cast<int>(limit.count())) != 1)
        return line;
    std::vector<char> buffer(64 << 10);
    const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0)
        input_.append(buffer.data(), static_cast<size_t>(count));
    else if (count == 0)
        return no_agent("the agent at {} has gone", path_);
    else if (errno != EAGAIN && errno != EINTR)
        return no_agent("read the stream of the agent at {}: {}", path_, std::strerror(errno));
    return take_line();
}

tl::expected<Client, Refusal> Client::connect(const std::filesystem::path& run_dir, milliseconds patience) {
    std::string path = run_dir / "control.sock";
    auto fd = connect_to(path, patience);
    if (!fd)
        return tl::unexpected(fd.error());
    return Client(std::move(*fd), std::move(path), patience);
}

Answer Client::ask(const nlohmann::json& request) {
    send_line(fd_.get(), request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    const auto line = receive_line();
    if (!line)
        return tl::unexpected(line.error());
    return judge(nlohmann::json::parse(*line, nullptr, false), path_);
}

Answer ask(const std::filesystem::path& run_dir, const nlohmann::json& request, milliseconds patience) {
    auto client = Client::connect(run_dir, patience);
    if (!client)
        return tl::unexpected(client.error());
    return client->ask(request);
}

}  // namespace catflap::cli
