// SPDX-License-Identifier: Apache-2.0
#include "control/control_server.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/unique_fd.h"

using namespace catflap;
using namespace catflap::control;
using namespace std::chrono_literals;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

class RunDir {
  public:
    RunDir() {
        std::string pattern = fs::temp_directory_path() / "catflap-control-XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        parent_ = pattern;
    }
    RunDir(const RunDir&) = delete;
    RunDir& operator=(const RunDir&) = delete;
    ~RunDir() { fs::remove_all(parent_); }

    [[nodiscard]] fs::path path() const { return parent_ / "run"; }
    [[nodiscard]] fs::path socket() const { return path() / "control.sock"; }
    [[nodiscard]] const fs::path& parent() const { return parent_; }

  private:
    fs::path parent_;
};

json echo(const json& request) {
    if (request.contains("throw"))
        throw std::runtime_error("the map is full");
    if (request.contains("throwInt"))
        throw 7;
    if (request.contains("bytes"))
        return {{"ok", true}, {"filler", std::string(request["bytes"].get<size_t>(), 'x')}};
    return {{"ok", true}, {"echo", request}};
}

// A server with a thread that serves it, as the agent's loop would.
class Serving {
  public:
    explicit Serving(const RunDir& dir, const ControlOptions& options = {})
        : server_(ControlServer::open(dir.path(), echo, options).value()), thread_([this] { loop(); }) {}
    ~Serving() {
        stop_ = true;
        thread_.join();
    }
    [[nodiscard]] uint64_t turns() const { return turns_; }

  private:
    void loop() {
        while (!stop_) {
            pollfd poller{.fd = server_.fd(), .events = POLLIN, .revents = 0};
            if (poll(&poller, 1, 10) != 1)
                continue;
            server_.serve();
            ++turns_;
        }
    }

    ControlServer server_;
    std::atomic<bool> stop_ = false;
    std::atomic<uint64_t> turns_ = 0;
    std::thread thread_;
};

class Client {
  public:
    explicit Client(const fs::path& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
        REQUIRE(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
        const timeval limit{.tv_sec = 20, .tv_usec = 0};
        setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    }
    // False: the server has closed.
    bool send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t count = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (count <= 0)
                return false;
            text.remove_prefix(static_cast<size_t>(count));
        }
        return true;
    }
    void end_input() { shutdown(fd_.get(), SHUT_WR); }
    // The next line; "" at the end of the stream.
    std::string line(size_t at_once = 1 << 16) {
        std::string buffer(at_once, 0);
        size_t end = 0;
        size_t searched = 0;
        while ((end = pending_.find('\n', searched)) == std::string::npos) {
            searched = pending_.size();
            const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), 0);
            if (count <= 0)
                return "";
            pending_.append(buffer.data(), static_cast<size_t>(count));
        }
        std::string line = pending_.substr(0, end);
        pending_.erase(0, end + 1);
        return line;
    }
    json ask(std::string_view text) {
        REQUIRE(send(text));
        return json::parse(line());
    }

  private:
    UniqueFd fd_;
    std::string pending_;
};

bool contains(const json& answer, std::string_view words) {
    return answer.at("error").get<std::string>().find(words) != std::string::npos;
}

mode_t mode_of(const fs::path& path) {
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("a question, its answer, and the next on the same connection") {
    const RunDir dir;
    const Serving serving(dir);
    Client client(dir.socket());
    CHECK(client.ask("{\"a\":1}\n") == json{{"ok", true}, {"echo", {{"a", 1}}}});
    CHECK(client.ask("\n{\"a\":2}\n")["echo"]["a"] == 2);
    REQUIRE(client.send("{\"a\":3}\n{\"a\":4}\n{\"a\":5}"));
    client.end_input();
    for (const int expected : {3, 4, 5})
        CHECK(json::parse(client.line())["echo"]["a"] == expected);
    CHECK(client.line().empty());
}

TEST_CASE("only root can reach the socket") {
    const RunDir dir;
    const Serving serving(dir);
    CHECK(mode_of(dir.path()) == 0700);
    CHECK(mode_of(dir.socket()) == 0600);
    CHECK(mode_of(dir.path() / "agent.lock") == 0600);
}

TEST_CASE("a peer that is not root is refused even where the modes were opened") {
    if (geteuid() != 0) {
        MESSAGE("not tested: becoming another user needs root");
        return;
    }
    const RunDir dir;
    const Serving serving(dir);
    for (const auto& [path, mode] : {std::pair{dir.parent(), 0755}, {dir.path(), 0755}, {dir.socket(), 0666}})
        REQUIRE(chmod(path.c_str(), static_cast<mode_t>(mode)) == 0);
    // The credentials that count are those at connect(). Unlike seteuid(), the call itself changes
    // this thread only: the agent stays root.
    REQUIRE(syscall(SYS_setresuid, -1, 65534, -1) == 0);
    Client client(dir.socket());
    REQUIRE(syscall(SYS_setresuid, -1, 0, -1) == 0);
    const json answer = json::parse(client.line());
    CHECK(contains(answer, "only root"));
    CHECK(answer["exit"] == 3);
    CHECK(client.line().empty());
}

TEST_CASE("garbage is answered, and harms nobody") {
    const RunDir dir;
    const Serving serving(dir);
    Client client(dir.socket());
    for (const std::string text : {"garbage", "{\"a\":", "[1]", "7", "\xff\xfe{}", "{\"a\":\"\xc3\"}", "\x01"}) {
        CAPTURE(text);
        const json answer = client.ask(text + "\n");
        CHECK(answer["ok"] == false);
        CHECK(contains(answer, "the request is not "));
    }
    CHECK(contains(client.ask(std::string(1 << 20, '[') + "\n"), "not JSON"));
    CHECK(client.ask("{}\n")["ok"] == true);
}

TEST_CASE("what a handler throws is an answer") {
    const RunDir dir;
    const Serving serving(dir);
    Client client(dir.socket());
    CHECK(contains(client.ask("{\"throw\":1}\n"), "the map is full"));
    CHECK(contains(client.ask("{\"throwInt\":1}\n"), "unknown exception"));
    CHECK(client.ask("{}\n")["ok"] == true);
}

TEST_CASE("half a request") {
    const RunDir dir;
    const Serving serving(dir);
    SUBCASE("then its end") {
        Client client(dir.socket());
        REQUIRE(client.send("{\"command\":"));
        client.end_input();
        CHECK(contains(json::parse(client.line()), "not JSON"));
        CHECK(client.line().empty());
    }
    SUBCASE("then the other half") {
        Client client(dir.socket());
        REQUIRE(client.send("{\"a\""));
        std::this_thread::sleep_for(30ms);
        CHECK(client.ask(":1}\n")["ok"] == true);
    }
    SUBCASE("then nothing: the client leaves") {
        { REQUIRE(Client(dir.socket()).send("{\"a\"")); }
        CHECK(Client(dir.socket()).ask("{}\n")["ok"] == true);
    }
}

TEST_CASE("a request has at most 1 MiB") {
    const RunDir dir;
    const Serving serving(dir);
    const auto request = [](size_t bytes) { return "{\"a\":\"" + std::string(bytes - 8, 'x') + "\"}"; };
    Client fitting(dir.socket());
    CHECK(fitting.ask(request(1 << 20) + "\n")["ok"] == true);
    for (const std::string& text : {request((1 << 20) + 1) + "\n", std::string(8 << 20, 'x')}) {
        Client client(dir.socket());
        client.send(text);  // cut off on the way
        CHECK(contains(json::parse(client.line()), "longer than 1 MiB"));
        CHECK(client.line().empty());
    }
}

TEST_CASE("a slow client gets a large answer, and nobody waits for it") {
    const RunDir dir;
    const Serving serving(dir);
    Client slow(dir.socket());
    REQUIRE(slow.send("{\"bytes\":5000000}\n"));
    // No spinning on a full socket, once it is full.
    bool rests = false;
    for (int tries = 0; tries < 100 && !rests; ++tries) {
        const uint64_t before = serving.turns();
        std::this_thread::sleep_for(100ms);
        rests = serving.turns() <= before + 2;
    }
    CHECK(rests);
    for (int i = 0; i < 20; ++i)
        CHECK(Client(dir.socket()).ask("{}\n")["ok"] == true);
    CHECK(json::parse(slow.line(100'000))["filler"].get<std::string>().size() == 5'000'000);
    CHECK(slow.ask("{}\n")["ok"] == true);
}

TEST_CASE("a client that leaves while it is answered") {
    const RunDir dir;
    const Serving serving(dir);
    for (int i = 0; i < 10; ++i)
        REQUIRE(Client(dir.socket()).send("{\"bytes\":1000000}\n"));
    CHECK(Client(dir.socket()).ask("{}\n")["ok"] == true);
}

TEST_CASE("more clients than there is room for wait for their turn") {
    const RunDir dir;
    const Serving serving(dir, {.max_clients = 4});
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 12; ++i) {
        clients.push_back(std::make_unique<Client>(dir.socket()));
        REQUIRE(clients.back()->send(fmt::format("{{\"a\":{}}}\n", i)));
    }
    for (int i = 0; i < 12; ++i) {
        CHECK(json::parse(clients[static_cast<size_t>(i)]->line())["echo"]["a"] == i);
        clients[static_cast<size_t>(i)].reset();
    }
}

TEST_CASE("many clients at once") {
    const RunDir dir;
    const Serving serving(dir);
    std::atomic<int> answered = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 100; ++i)
        threads.emplace_back([&] {
            if (Client(dir.socket()).ask("{}\n")["ok"] == true)
                ++answered;
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(answered == 100);
}

TEST_CASE("an idle client is cut off, a busy one is not") {
    const RunDir dir;
    const Serving serving(dir, {.idle_limit = 3s});  // longer than a loaded machine lets the busy one wait
    Client idle(dir.socket());
    Client busy(dir.socket());
    REQUIRE(idle.send("{\"a\":"));
    for (int i = 0; i < 70; ++i) {
        CHECK(busy.ask("{}\n")["ok"] == true);
        std::this_thread::sleep_for(50ms);
    }
    CHECK(idle.line().empty());
    CHECK(busy.ask("{}\n")["ok"] == true);
}

TEST_CASE("a second agent on the same directory is refused") {
    const RunDir dir;
    {
        const Serving serving(dir);
        const auto second = ControlServer::open(dir.path(), echo);
        REQUIRE_FALSE(second.has_value());
        CHECK(second.error().message ==
              fmt::format("an agent (pid {}) already serves {}", getpid(), dir.path().string()));
        CHECK(Client(dir.socket()).ask("{}\n")["ok"] == true);
    }
    CHECK_FALSE(fs::exists(dir.socket()));
    CHECK(ControlServer::open(dir.path(), echo).has_value());
}

TEST_CASE("what an agent that was killed left is taken over") {
    const RunDir dir;
    const pid_t child = fork();
    if (child == 0) {
        const auto server = ControlServer::open(dir.path(), echo);
        if (!server)
            _exit(1);
        pause();
        _exit(2);
    }
    while (!fs::exists(dir.socket()))
        std::this_thread::sleep_for(1ms);
    const auto refused = ControlServer::open(dir.path(), echo);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.find(fmt::format("(pid {})", child)) != std::string::npos);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    CHECK(fs::exists(dir.socket()));

    const Serving serving(dir);
    CHECK(Client(dir.socket()).ask("{}\n")["ok"] == true);
}

TEST_CASE("a run directory that cannot be is an error with its cause") {
    const RunDir dir;
    std::ofstream(dir.path()) << "a file";
    const auto file = ControlServer::open(dir.path(), echo);
    REQUIRE_FALSE(file.has_value());
    CHECK(file.error().message == fmt::format("create {}: Not a directory", dir.path().string()));
    const auto longer = ControlServer::open(dir.parent() / std::string(120, 'x'), echo);
    REQUIRE_FALSE(longer.has_value());
    CHECK(longer.error().message.find("File name too long") != std::string::npos);
}

TEST_CASE("however many ask at once, one turn of the server ends soon, and everybody's turn comes") {
    const RunDir dir;
    int answered = 0;
    auto server = ControlServer::open(dir.path(),
                                      [&](const json&) {
                                          ++answered;
                                          std::this_thread::sleep_for(10ms);  // longer than the whole turn may take
                                          return json{{"ok", true}};
                                      },
                                      {.serving_limit = 5ms});
    REQUIRE(server.has_value());
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(std::make_unique<Client>(dir.socket()));
        REQUIRE(clients.back()->send("{}\n"));
    }
    size_t turns = 0;
    while (answered < 8) {
        REQUIRE(++turns <= 100);
        const int before = answered;
        server->serve();
        CHECK(answered - before <= 1);  // the caller has its turn between any two of such answers
    }
    CHECK(turns >= 8);
    for (const auto& client : clients)
        CHECK(json::parse(client->line())["ok"] == true);
}
