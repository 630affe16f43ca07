// SPDX-License-Identifier: Apache-2.0
#include "metrics/server.h"

#include <arpa/inet.h>
#include <httplib.h>

#include <charconv>
#include <deque>
#include <functional>
#include <system_error>
#include <thread>
#include <vector>

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

// How long the loop waits for a server that it ends.
constexpr milliseconds kFarewell{200};
// Connections that wait for a thread; further ones wait in the kernel, where they cost the agent nothing.
constexpr size_t kWaiting = 16;

// The library's own pool takes any number of connections in.
class Pool final : public httplib::TaskQueue {
  public:
    Pool() {
        try {
            for (size_t i = 0; i < kThreads; ++i)
                threads_.emplace_back([this] { work(); });
        } catch (const std::system_error&) {
            shutdown();
            throw;
        }
    }
    void enqueue(std::function<void()> job) override {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return jobs_.size() < kWaiting; });
        jobs_.push_back(std::move(job));
        changed_.notify_all();
    }
    void shutdown() final {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
            changed_.notify_all();
        }
        for (std::thread& thread : threads_)
            thread.join();
    }

  private:
    void work() {
        for (;;) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return stop_ || !jobs_.empty(); });
            if (jobs_.empty())
                return;
            const auto job = std::move(jobs_.front());
            jobs_.pop_front();
            changed_.notify_all();
            lock.unlock();
            job();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;
    bool stop_ = false;
    std::vector<std::thread> threads_;
};

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
    explicit State(std::shared_ptr<Exchange> to) : exchange(std::move(to)) {
        http.new_task_queue = [] { return new Pool; };
        http.set_socket_options(set_options);
        http.set_payload_max_length(0);
        http.set_read_timeout(kClientTime);
        http.set_write_timeout(kClientTime);
        http.set_keep_alive_timeout(kClientTime.count());
        http.Get("/metrics", [this](const auto&, auto& response) { metrics(*exchange, response); });
        http.Get("/healthz", [this](const auto&, auto& response) { healthz(*exchange, response); });
        http.Get("/readyz", [this](const auto&, auto& response) { readyz(*exchange, response); });
    }

    std::shared_ptr<Exchange> exchange;
    httplib::Server http;
    std::atomic<bool> over = false;
};

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::start(const std::string& address, std::shared_ptr<Exchange> exchange) {
    const auto parsed = parse_listen_address(address);
    if (!parsed)
        return tl::unexpected(parsed.error());
    auto state = std::make_shared<State>(std::move(exchange));
    errno = 0;
    if (!state->http.bind_to_port(parsed->host, parsed->port))
        return fail_errno(errno == 0 ? EADDRNOTAVAIL : errno, "listen on {} for metrics", address);
    try {
        std::thread([state] {
            try {
                state->http.listen_after_bind();
            } catch (const std::system_error&) {  // no more threads
            }
            state->over = true;
        }).detach();
    } catch (const std::system_error& error) {
        return fail("start a thread for metrics: {}", error.what());
    }
    // To stop it earlier would have no effect.
    while (!state->http.is_running() && !state->over)
        std::this_thread::sleep_for(milliseconds(1));
    if (state->over)
        return fail("serve metrics at {}: its threads did not start", address);
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::~Server() {
    state_->http.stop();
    for (auto end = Exchange::Clock::now() + kFarewell; !state_->over && Exchange::Clock::now() < end;)
        std::this_thread::sleep_for(milliseconds(1));
}

}  // namespace catflap::metrics
