// SPDX-License-Identifier: Apache-2.0
#include "metrics/server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <httplib.h>
#include <poll.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "support/kernel/private_network.h"

using namespace catflap;
using namespace catflap::metrics;
using namespace std::chrono_literals;
using catflap::test::PrivateNetwork;

namespace {

constexpr const char* kAddress = "127.0.0.1:9473";

// A loop that answers whatever is asked, as the agent's does.
class Loop {
  public:
    explicit Loop(Exchange& exchange) : thread_([this, &exchange] { run(exchange); }) {}
    ~Loop() {
        stop_ = true;
        thread_.join();
    }
    std::atomic<size_t> answers = 0;

  private:
    void run(Exchange& exchange) {
        while (!stop_) {
            pollfd event{exchange.fd(), POLLIN, 0};
            if (poll(&event, 1, 10) <= 0)
                continue;
            Snapshot snapshot;
            snapshot.status.commits = ++answers;
            exchange.answer(std::move(snapshot));
        }
    }
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

struct Site {
    static std::optional<Site> make() {
        auto network = PrivateNetwork::make();
        if (!network)
            return std::nullopt;
        PrivateNetwork::ip("link set lo up\n");
        auto exchange = Exchange::open();
        REQUIRE(exchange);
        return Site{std::move(*network), std::move(*exchange)};
    }
    PrivateNetwork network;
    std::shared_ptr<Exchange> exchange;
};

// Bytes of a request that never ends.
UniqueFd half_a_request() {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9473);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0);
    REQUIRE(send(socket.get(), "GET /m", 6, 0) == 6);
    return socket;
}

}  // namespace

TEST_CASE("addresses to listen on") {
    const auto parsed = parse_listen_address("[::1]:80");
    REQUIRE(parsed);
    CHECK(parsed->host == "::1");
    CHECK(parsed->port == 80);
    CHECK(parse_listen_address("fd00::1:9473")->host == "fd00::1");
    CHECK(parse_listen_address("0.0.0.0:9473")->host == "0.0.0.0");
    for (const char* wrong : {"", "9473", ":9473", "localhost:9473", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
                              "127.0.0.1:65536", "127.0.0.1:80x", "127.0.0.1:-1", "::1"}) {
        CAPTURE(wrong);
        const auto refused = parse_listen_address(wrong);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message.starts_with(fmt::format("\"{}\" is not ADDRESS:PORT", wrong)));
    }
}

TEST_CASE("what can be asked over HTTP, and what each answer depends on") {
    auto site = Site::make();
    if (!site)
        return;
    const auto server = Server::start(kAddress, site->exchange);
    REQUIRE_MESSAGE(server, server.error().message);
    httplib::Client client("127.0.0.1", 9473);
    client.set_read_timeout(10s);

    site->exchange->beat(false);
    CHECK(client.Get("/healthz")->status == 200);
    const auto starting = client.Get("/readyz");
    CHECK(starting->status == 503);
    CHECK(starting->body == "not enforcing yet: catflap status on this node says why\n");
    site->exchange->beat(true);
    CHECK(client.Get("/readyz")->status == 200);

    // Nobody answers for the loop.
    const auto silent = client.Get("/metrics");
    REQUIRE(silent);
    CHECK(silent->status == 503);
    CHECK(silent->body == "the agent's loop did not answer within 5000 ms\n");

    Loop loop(*site->exchange);
    const auto metrics = client.Get("/metrics");
    REQUIRE(metrics);
    CHECK(metrics->status == 200);
    CHECK(metrics->get_header_value("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
    // The loop takes the question that nobody waits for any more, too.
    const auto answers = [](const std::string& text) {
        constexpr std::string_view kName = "\ncatflap_commits_total ";
        return std::stoul(text.substr(text.find(kName) + kName.size()));
    };
    CHECK(answers(client.Get("/metrics")->body) > answers(metrics->body));
    CHECK(client.Get("/other")->status == 404);
    CHECK(client.Post("/metrics", "x", "text/plain")->status >= 400);
}

TEST_CASE("clients that never finish their request do not keep others out") {
    auto site = Site::make();
    if (!site)
        return;
    const auto server = Server::start(kAddress, site->exchange);
    REQUIRE_MESSAGE(server, server.error().message);
    std::vector<UniqueFd> slow;
    for (int i = 0; i < 16; ++i)
        slow.push_back(half_a_request());
    httplib::Client client("127.0.0.1", 9473);
    client.set_read_timeout(15s);
    const auto health = client.Get("/healthz");
    REQUIRE(health);
    CHECK(health->status == 200);
}

TEST_CASE("a client that sends a byte now and then holds up neither the others nor the end of the server") {
    auto site = Site::make();
    if (!site)
        return;
    auto server = Server::start(kAddress, site->exchange);
    REQUIRE_MESSAGE(server, server.error().message);
    std::atomic<bool> stop = false;
    std::thread trickle([&] {
        std::vector<UniqueFd> sockets;
        for (int i = 0; i < 3; ++i)
            sockets.push_back(half_a_request());
        for (; !stop; std::this_thread::sleep_for(500ms))
            for (const UniqueFd& socket : sockets)
                (void)!send(socket.get(), "x", 1, MSG_NOSIGNAL);
    });
    std::this_thread::sleep_for(200ms);
    httplib::Client client("127.0.0.1", 9473);
    CHECK(client.Get("/healthz"));
    const auto begin = std::chrono::steady_clock::now();
    server->reset();
    CHECK(std::chrono::steady_clock::now() - begin < 2s);
    // Its address is free at once.
    CHECK(Server::start(kAddress, site->exchange));
    stop = true;
    trickle.join();
}

TEST_CASE("connections beyond those that the threads and their queue take wait in the kernel") {
    auto site = Site::make();
    if (!site)
        return;
    const auto server = Server::start(kAddress, site->exchange);
    REQUIRE_MESSAGE(server, server.error().message);
    const auto descriptors = [] {
        size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
            count += entry.path().empty() ? 0 : 1;
        return count;
    };
    const size_t before = descriptors();
    std::vector<UniqueFd> slow;
    for (int i = 0; i < 100; ++i)
        slow.push_back(half_a_request());
    std::this_thread::sleep_for(300ms);
    // Ours, and of theirs 8 at work, 16 waiting, one at the door.
    CHECK(descriptors() <= before + 100 + 8 + 16 + 1 + 2);
    slow.clear();
    httplib::Client client("127.0.0.1", 9473);
    client.set_read_timeout(20s);
    CHECK(client.Get("/healthz"));
}

TEST_CASE("an exchange that is closed keeps nobody waiting") {
    const auto exchange = Exchange::open();
    REQUIRE(exchange);
    std::thread closes([&] {
        std::this_thread::sleep_for(50ms);
        (*exchange)->close();
    });
    const auto begin = std::chrono::steady_clock::now();
    CHECK((*exchange)->ask(20s) == nullptr);
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
    closes.join();
}

TEST_CASE("an address that is in use, or not there, is told; a server that has ended leaves it free") {
    auto site = Site::make();
    if (!site)
        return;
    {
        const auto first = Server::start(kAddress, site->exchange);
        REQUIRE(first);
        const auto second = Server::start(kAddress, site->exchange);
        REQUIRE_FALSE(second);
        CHECK(second.error().message == "listen on 127.0.0.1:9473 for metrics: Address already in use");
    }
    CHECK(Server::start(kAddress, site->exchange));
    CHECK(Server::start("192.0.2.1:9473", site->exchange).error().message ==
          "listen on 192.0.2.1:9473 for metrics: Cannot assign requested address");
}

TEST_CASE("who asks at the same time gets the same answer, who asks later a newer one") {
    const auto exchange = Exchange::open();
    REQUIRE(exchange);
    CHECK((*exchange)->ask(10ms) == nullptr);  // and its question stays
    Loop loop(**exchange);
    const auto first = (*exchange)->ask(5s);
    REQUIRE(first);
    const auto second = (*exchange)->ask(5s);
    REQUIRE(second);
    CHECK(second->status.commits > first->status.commits);
}
