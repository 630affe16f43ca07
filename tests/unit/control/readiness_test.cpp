// SPDX-License-Identifier: Apache-2.0
#include "control/readiness.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/unique_fd.h"
#include "control/node_lock.h"

using namespace catflap;
using namespace catflap::control;

namespace {

class Variables {
  public:
    ~Variables() {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            unsetenv(name);
    }
    void set(const char* name, const std::string& value) { setenv(name, value.c_str(), 1); }
};

}  // namespace

TEST_CASE("what is told arrives at $NOTIFY_SOCKET as it is") {
    Variables variables;
    const std::string path = std::filesystem::temp_directory_path() / ("catflap-notify-" + std::to_string(getpid()));
    const UniqueFd manager(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(bind(manager.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    variables.set("NOTIFY_SOCKET", path);
    REQUIRE(notify("READY=1\nSTATUS=enforcing"));
    std::array<char, 64> text{};
    REQUIRE(recv(manager.get(), text.data(), text.size(), 0) > 0);
    CHECK(std::string(text.data()) == "READY=1\nSTATUS=enforcing");
    unlink(path.c_str());
    CHECK_FALSE(notify("WATCHDOG=1"));
}

TEST_CASE("without a service manager nobody is told") {
    CHECK(notify("READY=1"));
    CHECK_FALSE(watchdog_interval());
}

TEST_CASE("the watchdog is fed twice within its time, by the process that it watches") {
    Variables variables;
    variables.set("WATCHDOG_USEC", "30000000");
    CHECK(watchdog_interval() == std::chrono::seconds(15));
    variables.set("WATCHDOG_PID", std::to_string(getpid()));
    CHECK(watchdog_interval() == std::chrono::seconds(15));
    variables.set("WATCHDOG_PID", std::to_string(getppid()));
    CHECK_FALSE(watchdog_interval());
}

TEST_CASE("a network namespace has one agent, whose pid the next one is told" * doctest::skip(geteuid() != 0)) {
    const auto first = lock_network_namespace();
    if (!first && first.error().code == EADDRINUSE)
        return;  // an agent runs on this machine
    REQUIRE(first);
    const auto second = lock_network_namespace();
    REQUIRE_FALSE(second);
    CHECK(second.error().code == EADDRINUSE);
    CHECK(second.error().message.find("pid " + std::to_string(getpid())) != std::string::npos);
}
