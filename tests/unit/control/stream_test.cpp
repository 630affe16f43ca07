// SPDX-License-Identifier: Apache-2.0
// Streams of the control socket: a client that stays, and is sent lines.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/unique_fd.h"
#include "control/control_server.h"

using namespace catflap;
using namespace catflap::control;
using namespace std::chrono_literals;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// A server that this thread turns, and whose every answer begins the stream that was asked for.
class Site {
  public:
    explicit Site(const ControlOptions& options = {}) {
        std::string pattern = fs::temp_directory_path() / "catflap-stream-XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        directory_ = pattern;
        server_.emplace(ControlServer::open(
                            directory_,
                            [](const json& request) -> json {
                                return {{"ok", true}, {"stream", request.at("stream")}};
                            },
                            options)
                            .value());
    }
    ~Site() { fs::remove_all(directory_); }
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    ControlServer& server() { return *server_; }
    void turn(int times = 5) {
        for (int i = 0; i < times; ++i)
            server_->serve();
    }
    // A client with a stream of this number.
    UniqueFd listen(uint64_t stream) {
        UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        const std::string path = directory_ / "control.sock";
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        REQUIRE(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
        const std::string request = json{{"stream", stream}}.dump() + "\nthis is not looked at\n";
        REQUIRE(send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()));
        turn();
        CHECK(read_some(fd).starts_with("{\"ok\":true"));
        return fd;
    }
    static std::string read_some(const UniqueFd& fd) {
        std::string text(1 << 16, '\0');
        const ssize_t count = recv(fd.get(), text.data(), text.size(), MSG_DONTWAIT);
        text.resize(count < 0 ? 0 : static_cast<size_t>(count));
        return text;
    }

  private:
    fs::path directory_;
    std::optional<ControlServer> server_;
};

}  // namespace

TEST_CASE("a stream's client gets the lines that are sent to it, and no other") {
    Site site;
    const UniqueFd one = site.listen(1);
    const UniqueFd two = site.listen(2);
    CHECK(site.server().has_stream(1));
    CHECK_FALSE(site.server().has_stream(3));
    CHECK_FALSE(site.server().has_stream(0));
    CHECK(site.server().send(1, "first"));
    CHECK(site.server().send(1, "second"));
    CHECK_FALSE(site.server().send(3, "nobody"));
    CHECK_FALSE(site.server().send(0, "nobody"));
    CHECK(Site::read_some(one) == "first\nsecond\n");
    CHECK(Site::read_some(two).empty());
    site.turn();
    CHECK(Site::read_some(one).empty());  // what it said after its request is no request
}

TEST_CASE("a client that has gone has no stream") {
    Site site;
    UniqueFd client = site.listen(7);
    client.reset();
    site.turn();
    CHECK_FALSE(site.server().has_stream(7));
    UniqueFd half = site.listen(8);
    shutdown(half.get(), SHUT_WR);
    site.turn();
    CHECK_FALSE(site.server().has_stream(8));
}

TEST_CASE("a client that does not read is sent a bounded number of whole lines, and later the next ones") {
    Site site;
    const UniqueFd client = site.listen(1);
    const std::string line(1000, 'x');
    size_t taken = 0;
    while (site.server().send(1, line))
        REQUIRE(++taken < 10'000);
    CHECK(taken > 900);
    CHECK(site.server().has_stream(1));
    std::string read;
    for (int i = 0; i < 200; ++i) {
        read += Site::read_some(client);
        site.turn(2);
    }
    CHECK(read.size() == taken * (line.size() + 1));
    CHECK(site.server().send(1, "more"));
    CHECK(Site::read_some(client) == "more\n");
}

TEST_CASE("a quiet stream is not cut off; one that takes nothing of what waits is, after its time") {
    Site site({.idle_limit = 20ms, .stream_limit = 60ms});
    const UniqueFd quiet = site.listen(1);
    const UniqueFd stuck = site.listen(2);
    while (site.server().send(2, std::string(1000, 'x'))) {
    }
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (site.server().has_stream(2) && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(5ms);
        site.turn();
    }
    CHECK_FALSE(site.server().has_stream(2));
    CHECK(site.server().has_stream(1));
    CHECK(site.server().send(1, "still here"));
}
