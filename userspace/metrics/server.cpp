// SPDX-License-Identifier: Apache-2.0
#include "metrics/server.h"

#include <arpa/inet.h>
#include <httplib.h>

#include <charconv>
#include <thread>

#include "metrics/text.h"

namespace catflap::metrics {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A loop that stands still for so long is not coming back. A commit of everything at a large start takes a second.
constexpr seconds kStandstill{60};
// Prometheus gives up after 10 s by default.
constexpr milliseconds kAnswerTime{5000};
// A connection keeps a thread busy: few seconds each, so that slow clients make room.
constexpr size_t kThreads = 8;
constexpr seconds kClientTime{2};

bool is_address(const std::string& host) {
    in6_addr parsed{};
    return inet_pton(AF_INET, host.c_str(), &parsed) == 1 || inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
}

// The library's own choice, SO_REUSEPORT, would let two agents share the port in silence.
void set_options(socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

void answer(httplib::Response& response, int status, const std::string& text) {
    response.status = status;
    response.set_content(text + "\n", "text/plain; charset=utf-8");
}

void metrics(Exchange& exchange, httplib::Response& response) {
    const auto snapshot = exchange.ask(kAnswerTime);
    if (!snapshot)
        return answer(response, 503, fmt::format("the agent's loop did not answer within {} ms", kAnswerTime.count()));
    response.set_content(text_of(*snapshot), "text/plain; version=0.0.4; charset=utf-8");
}

void healthz(const Exchange& exchange, httplib::Response& response) {
    const auto silent = std::chrono::duration_cast<seconds>(exchange.since_beat());
    if (silent > kStandstill)
        return answer(response, 503, fmt::format("the agent's loop stands still for {} s", silent.count()));
    answer(response, 200, "ok");
}

void readyz(const Exchange& exchange, httplib::Response& response) {
    if (!exchange.enforcing())
        return answer(response, 503, "not enforcing yet: catflap status on this node says why");
    answer(response, 200, "ok");
}

}  // namespace

Result<ListenAddress> parse_listen_address(const std::string& text) {
    const size_t colon = text.rfind(':');
    std::string host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    const std::string_view digits = colon == std::string::npos ? "" : std::string_view(text).substr(colon + 1);
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port == 0 || !is_address(host))
        return fail("\"{}\" is not ADDRESS:PORT, such as 127.0.0.1:9473 or [::1]:9473", text);
    return ListenAddress{host, port};
}

struct Server::State {
    explicit State(Exchange& to) : exchange(to) {
        http.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
        http.set_socket_options(set_options);
        http.set_payload_max_length(0);
        http.set_read_timeout(kClientTime);
        http.set_write_timeout(kClientTime);
        http.set_keep_alive_timeout(kClientTime.count());
        http.Get("/metrics", [this](const auto&, auto& response) { metrics(exchange, response); });
        http.Get("/healthz", [this](const auto&, auto& response) { healthz(exchange, response); });
        http.Get("/readyz", [this](const auto&, auto& response) { readyz(exchange, response); });
    }

    Exchange& exchange;
    httplib::Server http;
    std::atomic<bool> over = false;
    std::thread thread;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {
    state_->thread = std::thread([state = state_.get()] {
        state->http.listen_after_bind();
        state->over = true;
    });
    // To stop it earlier would have no effect.
    while (!state_->http.is_running() && !state_->over)
        std::this_thread::sleep_for(milliseconds(1));
}

Result<std::unique_ptr<Server>> Server::start(const std::string& address, Exchange& exchange) {
    const auto parsed = parse_listen_address(address);
    if (!parsed)
        return tl::unexpected(parsed.error());
    auto state = std::make_unique<State>(exchange);
    errno = 0;
    if (!state->http.bind_to_port(parsed->host, parsed->port))
        return fail_errno(errno == 0 ? EADDRNOTAVAIL : errno, "listen on {} for metrics", address);
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::~Server() {
    state_->http.stop();
    state_->thread.join();
}

}  // namespace catflap::metrics
