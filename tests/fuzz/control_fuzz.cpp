// SPDX-License-Identifier: Apache-2.0
// Any bytes on the control socket: each line that is not empty gets one line in answer, a JSON object with "ok"; what
// is no JSON object gets an error that says so. The requests' contents go to the agent's own report().
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "base/unique_fd.h"
#include "control/control_server.h"
#include "report/answer.h"

using namespace catflap;
using nlohmann::json;

namespace {

void require(bool condition, std::string_view sentence) {
    if (condition)
        return;
    std::fprintf(stderr, "%.*s\n", static_cast<int>(sentence.size()), sentence.data());
    std::abort();
}

// Nobody who enforces anything, with one row to show of every kind.
class Nobody : public report::Responder {
  public:
    Result<report::Settled> settle(std::optional<uint64_t> question) override {
        return report::Settled{question, "", {}};
    }
    [[nodiscard]] report::Status status() const override { return {}; }
    [[nodiscard]] Result<> is_ready() const override { return {}; }
    Result<> list(report::Page& page) const override {
        const auto cursor = page.cursor("nt");
        if (!cursor)
            return tl::unexpected(cursor.error());
        if (page.wants("shop", "web", "v1") && page.of_endpoint("shop", "web", "v1"))
            page.add(report::PolicyRow{.ns = "shop", .name = "web", .counted = {}});
        if (!*cursor)
            page.continue_at({uint64_t{1}, std::string("web")});
        return {};
    }
    [[nodiscard]] Result<report::Explanation> explain(const report::Question& question) const override {
        return report::Explanation{question.from, question.to, question.port};
    }
    Result<report::Verified> verify(std::optional<uint64_t> question, bool repair) override {
        report::Verified verified{question, {}};
        verified.verification.repair = repair;
        return verified;
    }
    [[nodiscard]] std::string mode() const override { return "nothing"; }
    [[nodiscard]] uint64_t commits() const override { return 0; }
};

class Site {
  public:
    Site() {
        std::string pattern = "/tmp/catflap-fuzz-XXXXXX";
        require(mkdtemp(pattern.data()) != nullptr, "no temporary directory");
        directory_ = pattern;
        server_.emplace(control::ControlServer::open(directory_ / "run", [this](const json& request) {
                            return report::answer(nobody_, request);
                        }).value());
    }
    ~Site() {
        server_.reset();
        std::filesystem::remove_all(directory_);
    }
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    // All that a client that sends this and no more is told.
    std::string answers(std::string_view input) {
        const UniqueFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        (directory_ / "run/control.sock").native().copy(address.sun_path, sizeof(address.sun_path) - 1);
        require(connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0, "connect");
        std::string output;
        std::array<char, 64 << 10> buffer;
        // Each turn takes or answers something; a server that stops doing so would be a finding, too.
        for (size_t turns = 0; turns < 10 * (input.size() + 10) + 1000; ++turns) {
            const ssize_t sent = input.empty() ? 0 : send(client.get(), input.data(), input.size(), MSG_NOSIGNAL);
            if (sent > 0)
                input.remove_prefix(static_cast<size_t>(sent));
            if (input.empty())
                (void)shutdown(client.get(), SHUT_WR);
            server_->serve();
            const ssize_t count = recv(client.get(), buffer.data(), buffer.size(), 0);
            if (count == 0)
                return output;
            if (count > 0)
                output.append(buffer.data(), static_cast<size_t>(count));
        }
        require(false, "the server does not come to an end");
        return output;
    }

  private:
    std::filesystem::path directory_;
    Nobody nobody_;
    std::optional<control::ControlServer> server_;
};

void check_answer(const std::string& request, const std::string& text) {
    const json answer = json::parse(text, nullptr, false);
    require(answer.is_object() && answer.contains("ok") && answer["ok"].is_boolean(), "an answer without ok");
    if (answer["ok"])
        require(std::ranges::any_of(
                    std::array{"status", "items", "refused", "explanation", "verification", "pending", "stream"},
                    [&](const char* content) { return answer.contains(content); }),
                "a success without contents");
    else
        require(answer["error"].is_string() && answer["exit"].is_number_integer(), "a failure without a sentence");
    if (!json::parse(request, nullptr, false).is_object())
        require(!answer["ok"] && answer["error"].get<std::string>().starts_with("the request is "),
                "taken for a request, and is none");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Site site;
    const std::string input(reinterpret_cast<const char*>(data), size);
    std::istringstream answers(site.answers(input));
    std::istringstream requests(input);
    std::string answer;
    for (std::string request; std::getline(requests, request);) {
        if (request.empty())
            continue;
        require(static_cast<bool>(std::getline(answers, answer)), "a request without an answer");
        check_answer(request, answer);
    }
    require(!std::getline(answers, answer), "an answer without a request");
    return 0;
}
