// SPDX-License-Identifier: Apache-2.0
#include "control/control_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "control/control_connection.h"
#include "control/control_socket.h"
#include "base/exit_code.h"
#include "base/unique_fd.h"

namespace catflap::control {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::string to_line(const json& answer) {
    // A handler's strings may hold what a manifest held: no reason to throw.
    return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

json failure(const std::string& sentence, ExitCode exit_code = kRefused) {
    return {{"ok", false}, {"error", sentence}, {"exit", exit_code}};
}

// A megabyte of brackets would keep the agent's loop busy for a second.
json parse_request(const std::string& text) {
    return json::parse(text, [](int depth, json::parse_event_t, json&) {
        if (depth > 32)
            throw std::runtime_error("it is nested more than 32 deep");
        return true;
    });
}

// The agent's own user is root, but for a test.
bool may_ask(int fd) {
    ucred peer{};
    socklen_t length = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

}  // namespace

struct ControlServer::State {
    State(fs::path directory, Handler answerer, const ControlOptions& limits)
        : run_dir(std::move(directory)), handler(std::move(answerer)), options(limits) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State();

    Result<void> open();
    Result<void> watch(int fd, uint32_t events, int operation = EPOLL_CTL_ADD);
    void serve(const epoll_event& event);
    void accept_clients();
    void take_turn(ControlConnection& client);
    void settle(std::map<int, ControlConnection>::iterator client);
    [[nodiscard]] std::map<int, ControlConnection>::iterator find_stream(uint64_t stream);
    [[nodiscard]] json answer(const std::string& request) const;
    void cut_off_idle_clients();
    void settle_watches();
    void set_timer(bool on);

    fs::path run_dir;
    Handler handler;
    ControlOptions options;
    UniqueFd lock;
    UniqueFd listener;
    UniqueFd timer;
    UniqueFd epoll;
    std::map<int, ControlConnection> clients;
    bool accepting = true;
    bool accept_failed = false;  // out of descriptors or memory: tried again when the timer fires
    bool timer_on = false;
};

Result<void> ControlServer::State::open() {
    if (auto made = make_directory(run_dir); !made)
        return made;
    auto locked = lock_directory(run_dir);
    if (!locked)
        return tl::unexpected(locked.error());
    lock = std::move(*locked);
    auto listening = listen_on(run_dir / "control.sock");
    if (!listening)
        return tl::unexpected(listening.error());
    listener = std::move(*listening);
    timer = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    epoll = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
    if (!timer || !epoll)
        return fail_errno(errno, "wait for clients");
    if (auto watched = watch(timer.get(), EPOLLIN); !watched)
        return watched;
    return watch(listener.get(), EPOLLIN);
}

ControlServer::State::~State() {
    if (listener)  // so the lock is ours, and the socket
        unlink((run_dir / "control.sock").c_str());
}

Result<void> ControlServer::State::watch(int fd, uint32_t events, int operation) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (epoll_ctl(epoll.get(), operation, fd, &event) != 0)
        return fail_errno(errno, "wait for clients");
    return {};
}

void ControlServer::State::serve(const epoll_event& event) {
    if (event.data.fd == listener.get())
        return accept_clients();
    if (event.data.fd == timer.get())
        return cut_off_idle_clients();
    const auto client = clients.find(event.data.fd);
    if (client == clients.end())
        return;
    take_turn(client->second);
    settle(client);
}

// After its turn: what to wait for, if it stays.
void ControlServer::State::settle(std::map<int, ControlConnection>::iterator client) {
    const bool writes = client->second.waits_to_write();
    const uint32_t reads = client->second.stream() != 0 || !writes ? EPOLLIN : 0U;
    if (client->second.finished() || !watch(client->first, reads | (writes ? EPOLLOUT : 0U), EPOLL_CTL_MOD))
        clients.erase(client);
}

std::map<int, ControlConnection>::iterator ControlServer::State::find_stream(uint64_t stream) {
    return std::ranges::find_if(clients, [stream](const auto& client) { return client.second.stream() == stream; });
}

void ControlServer::State::accept_clients() {
    while (clients.size() < options.max_clients) {
        UniqueFd fd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) {
            accept_failed = errno != EAGAIN && errno != ECONNABORTED && errno != EINTR;
            return;
        }
        const int number = fd.get();
        const bool admitted = may_ask(number);
        ControlConnection client(std::move(fd));
        if (!admitted) {
            client.answer_and_close(to_line(failure("only root may ask the agent", kNoAccess)));
            client.send();
        } else if (watch(number, EPOLLIN)) {
            clients.insert_or_assign(number, std::move(client));
        }
    }
}

void ControlServer::State::take_turn(ControlConnection& client) {
    client.send();
    client.receive();
    if (client.oversized()) {
        client.answer_and_close(to_line(failure("the request is longer than 1 MiB")));
    } else if (const auto request = client.next_request(); request && !request->empty()) {
        const json reply = answer(*request);
        client.answer(to_line(reply));
        if (const auto stream = reply.find("stream"); stream != reply.end() && stream->is_number_unsigned())
            client.begin_stream(stream->get<uint64_t>());
    }
    client.send();
}

json ControlServer::State::answer(const std::string& request) const {
    json asked;
    try {
        asked = parse_request(request);
    } catch (const std::exception& error) {
        const std::string_view cause = error.what();  // "[json.exception.parse_error.101] parse error at ..."
        const size_t start = cause.starts_with('[') ? cause.find(']') + 2 : 0;
        return failure(fmt::format("the request is not JSON: {}", cause.substr(std::min(start, cause.size()))));
    }
    if (!asked.is_object())
        return failure("the request is not a JSON object");
    try {
        return handler(asked);
    } catch (const std::exception& error) {
        return failure(fmt::format("answer the request: {}", error.what()));
    } catch (...) {
        return failure("answer the request: an unknown exception");
    }
}

void ControlServer::State::cut_off_idle_clients() {
    uint64_t expirations = 0;
    if (read(timer.get(), &expirations, sizeof(expirations)) < 0)
        return;
    const auto now = ControlConnection::Clock::now();
    std::erase_if(clients, [&](const auto& client) {
        const ControlConnection& one = client.second;
        if (one.stream() == 0)
            return one.last_progress() < now - options.idle_limit;
        return one.waits_to_write() && one.last_progress() < now - options.stream_limit;
    });
    accept_failed = false;
}

// After every round: the listener is heard while there is room, the timer runs while there is a
// client.
void ControlServer::State::settle_watches() {
    const bool accept = !accept_failed && clients.size() < options.max_clients;
    if (accept != accepting && watch(listener.get(), accept ? EPOLLIN : 0U, EPOLL_CTL_MOD))
        accepting = accept;
    const bool tick = accept_failed || !clients.empty();
    if (tick != timer_on)
        set_timer(tick);
}

void ControlServer::State::set_timer(bool on) {
    using namespace std::chrono;
    const auto period = on ? std::max(options.idle_limit / 2, milliseconds(1)) : milliseconds(0);
    const auto whole = duration_cast<seconds>(period);
    const timespec time{.tv_sec = whole.count(), .tv_nsec = nanoseconds(period - whole).count()};
    const itimerspec timing{.it_interval = time, .it_value = time};
    if (timerfd_settime(timer.get(), 0, &timing, nullptr) == 0)
        timer_on = on;
}

ControlServer::ControlServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
ControlServer::ControlServer(ControlServer&&) noexcept = default;
ControlServer& ControlServer::operator=(ControlServer&&) noexcept = default;
ControlServer::~ControlServer() = default;

Result<ControlServer> ControlServer::open(const fs::path& run_dir, Handler handler, const ControlOptions& options) {
    auto state = std::make_unique<State>(run_dir, std::move(handler), options);
    if (auto opened = state->open(); !opened)
        return tl::unexpected(opened.error());
    return ControlServer(std::move(state));
}

int ControlServer::fd() const {
    return state_->epoll.get();
}

void ControlServer::serve() {
    // One event at a time: what is left is at the head of the queue when the caller comes back, which it does at once.
    const auto end = ControlConnection::Clock::now() + state_->options.serving_limit;
    epoll_event event{};
    for (size_t left = state_->clients.size() + 2; left > 0; --left) {
        if (epoll_wait(state_->epoll.get(), &event, 1, 0) != 1)
            break;
        state_->serve(event);
        if (ControlConnection::Clock::now() >= end)
            break;
    }
    state_->settle_watches();
}

bool ControlServer::has_stream(uint64_t stream) const {
    return stream != 0 && state_->find_stream(stream) != state_->clients.end();
}

bool ControlServer::send(uint64_t stream, const std::string& line) {
    const auto client = state_->find_stream(stream);
    if (stream == 0 || client == state_->clients.end() || !client->second.push(line))
        return false;
    client->second.send();
    state_->settle(client);
    return true;
}

}  // namespace catflap::control
