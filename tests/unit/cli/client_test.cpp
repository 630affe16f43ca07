// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <fstream>

#include "unit/cli/fake_agent.h"

using namespace catflap::cli;
using namespace catflap::cli::test;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("no agent: exit 3, one line, the cause and what to look at") {
    const Directory dir;
    const std::string socket = dir.path() / "control.sock";
    const auto missing = ask(dir.path(), {{"command", "status"}});
    CHECK(missing.error().exit_code == 3);
    CHECK(missing.error().message ==
          "connect to the agent at " + socket + ": No such file or directory; is catflapd running?");
    std::ofstream(dir.path() / "control.sock") << "";
    CHECK(ask(dir.path(), json::object()).error().message.find("Connection refused; is catflapd running?") !=
          std::string::npos);
    CHECK(ask(std::string(200, 'x'), json::object()).error().message.find("File name too long") != std::string::npos);
}

TEST_CASE("no permission: exit 3") {
    if (geteuid() != 0)
        return;
    const FakeAgent agent(json{{"ok", true}});
    REQUIRE(syscall(SYS_setresuid, -1, 65534, -1) == 0);  // this thread only
    const auto answer = ask(agent.run_dir(), json::object());
    REQUIRE(syscall(SYS_setresuid, -1, 0, -1) == 0);
    CHECK(answer.error().exit_code == 3);
    CHECK(answer.error().message.ends_with("Permission denied; only root may ask"));
}

TEST_CASE("an answer of any length, in any pieces") {
    const std::string filler(3'000'000, 'x');
    const FakeAgent agent(json{{"ok", true}, {"items", {filler}}});
    const auto answer = ask(agent.run_dir(), {{"command", "get"}});
    REQUIRE(answer.has_value());
    CHECK((*answer)["items"][0] == filler);
    CHECK(agent.request() == json{{"command", "get"}});
}

TEST_CASE("a refusal keeps the agent's words and its exit code, where it is one") {
    for (const auto& [exit, expected] :
         {std::pair<json, int>{1, 1}, {2, 2}, {3, 3}, {0, 1}, {9, 1}, {"x", 1}, {nullptr, 1}}) {
        const FakeAgent agent(json{{"ok", false}, {"error", "no policy a/b"}, {"exit", exit}});
        const auto answer = ask(agent.run_dir(), json::object());
        CHECK(answer.error().exit_code == expected);
        CHECK(answer.error().message == "no policy a/b");
    }
}

TEST_CASE("what answers is not an agent, or stops half way") {
    for (const std::string text : {"garbage\n", "[]\n", "{}\n", "{\"ok\":1}\n", "", "{\"ok\":true"}) {
        CAPTURE(text);
        const FakeAgent agent([text](const std::string&) { return text; });
        CHECK(ask(agent.run_dir(), json::object()).error().exit_code == 3);
    }
}

TEST_CASE("an agent that says nothing is not waited for without end, and it is said what to do") {
    const FakeAgent agent([](const std::string&) {
        std::this_thread::sleep_for(400ms);
        return std::string();
    });
    const auto answer = ask(agent.run_dir(), json::object(), 100ms);
    CHECK(answer.error().exit_code == 3);
    CHECK(answer.error().timed_out);
    const std::string& message = answer.error().message;
    CHECK(message.starts_with("the agent (pid " + std::to_string(getpid()) + ") at "));
    CHECK(message.find("has not answered within 100 ms") != std::string::npos);
    CHECK(message.find("What it enforced stays enforced") != std::string::npos);
    CHECK(message.find("--timeout") != std::string::npos);
}

TEST_CASE("several questions on one connection") {
    const FakeAgent agent([](const std::string&) { return std::string("{}\n"); });
    auto client = Client::connect(agent.run_dir(), 5s);
    REQUIRE(client.has_value());
    for (int i = 0; i < 3; ++i)
        CHECK(client->ask({{"i", i}}).error().message.find("is not catflapd") != std::string::npos);
}
