// SPDX-License-Identifier: Apache-2.0
// Questions to the agent.
#pragma once

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>

#include "base/unique_fd.h"

namespace catflap::cli {

// Why there is no answer, and with what to exit.
struct Refusal {
    int exit_code = 0;
    std::string message;
    bool timed_out = false;  // somebody is there, and has not answered within the patience
};

using Answer = tl::expected<nlohmann::json, Refusal>;

// How long an answer may take where nobody says otherwise: the agent's loop answers within milliseconds.
inline constexpr std::chrono::milliseconds kPatience{1000};

// A connection to the agent. `patience` bounds the wait for the connection, and then for each whole answer.
class Client {
  public:
    static tl::expected<Client, Refusal> connect(const std::filesystem::path& run_dir,
                                                 std::chrono::milliseconds patience = kPatience);
    // The agent's whole answer, which says "ok": true.
    Answer ask(const nlohmann::json& request);
    // The next line of a stream that an answer began; "": none came within this time, or a signal did.
    tl::expected<std::string, Refusal> next_line(std::chrono::milliseconds limit);

  private:
    Client(UniqueFd fd, std::string path, std::chrono::milliseconds patience)
        : fd_(std::move(fd)), path_(std::move(path)), patience_(patience) {}
    tl::expected<std::string, Refusal> receive_line();
    [[nodiscard]] Refusal too_late() const;

    // A whole line out of what has come in; "": there is none yet.
    std::string take_line();

    UniqueFd fd_;
    std::string input_;
    size_t searched_ = 0;  // so much of it has no line's end
    std::string path_;
    std::chrono::milliseconds patience_;
};

// One question.
Answer ask(const std::filesystem::path& run_dir, const nlohmann::json& request,
           std::chrono::milliseconds patience = kPatience);

}  // namespace catflap::cli
