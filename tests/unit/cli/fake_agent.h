// SPDX-License-Identifier: Apache-2.0
// A control socket that answers one line with whatever the test wants, and the CLI run against it.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "cli/app.h"

namespace catflap::cli::test {

class Directory {
  public:
    Directory() {
        std::string pattern = std::filesystem::temp_directory_path() / "catflap-cli-XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory() { std::filesystem::remove_all(path_); }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

class FakeAgent {
  public:
    // Answers one client: `reply` gets each of its lines, and returns the bytes to send back.
    explicit FakeAgent(std::function<std::string(const std::string&)> reply)
        : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        const std::string path = directory_.path() / "control.sock";
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        REQUIRE(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
        REQUIRE(listen(listener_.get(), 1) == 0);
        thread_ = std::thread([this, reply = std::move(reply)] { serve(reply); });
    }
    explicit FakeAgent(const nlohmann::json& answer)
        : FakeAgent([text = answer.dump() + "\n"](const std::string&) { return text; }) {}
    ~FakeAgent() {
        shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    [[nodiscard]] std::string run_dir() const { return directory_.path().string(); }
    // What the client asked, last and in all; after the CLI has returned.
    [[nodiscard]] const nlohmann::json& request() const { return requests_.back(); }
    [[nodiscard]] const std::vector<nlohmann::json>& requests() const { return requests_; }

  private:
    void serve(const std::function<std::string(const std::string&)>& reply) {
        const UniqueFd client(accept(listener_.get(), nullptr, nullptr));
        if (!client)
            return;
        std::string input;
        std::array<char, 4096> buffer;
        for (;;) {
            while (input.find('\n') == std::string::npos) {
                const ssize_t count = recv(client.get(), buffer.data(), buffer.size(), 0);
                if (count <= 0)
                    return;
                input.append(buffer.data(), static_cast<size_t>(count));
            }
            const std::string line = input.substr(0, input.find('\n') + 1);
            input.erase(0, line.size());
            requests_.push_back(nlohmann::json::parse(line, nullptr, false));
            const std::string answer = reply(line);
            send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
            if (!answer.ends_with('\n'))
                return;  // an agent that goes away in the middle
        }
    }

    Directory directory_;
    UniqueFd listener_;
    std::vector<nlohmann::json> requests_;
    std::thread thread_;
};

struct Run {
    int exit_code = 0;
    std::string out;
    std::string err;
};

inline Run run_cli(std::vector<std::string> arguments, const std::string& input = "", bool colours = false) {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    Run run;
    run.exit_code = cli::run(std::move(arguments), {.in = in, .out = out, .err = err, .colours = colours});
    run.out = out.str();
    run.err = err.str();
    return run;
}

// The CLI against an agent that gives this answer to its question.
inline Run run_against(const nlohmann::json& answer, std::vector<std::string> arguments) {
    const FakeAgent agent(answer);
    arguments.insert(arguments.end(), {"--run-dir", agent.run_dir()});
    return run_cli(std::move(arguments));
}

}  // namespace catflap::cli::test
