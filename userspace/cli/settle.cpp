// SPDX-License-Identifier: Apache-2.0
// catflap settle: waits until the source's present state is enforced.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/diagnostics.h"
#include "cli/duration.h"

namespace catflap::cli {
namespace {

using std::chrono::milliseconds;

// The agent answers when it has done it, or that it waits for its source.
Answer ask_until_settled(const Session& session, milliseconds timeout, std::string& trouble) {
    constexpr milliseconds kPause{20};
    const auto until = std::chrono::steady_clock::now() + timeout;
    nlohmann::json request = {{"command", "settle"}};
    for (;;) {
        // A timeout of 0 means none left, not none at all.
        const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
        auto answer = ask(session.run_dir, request, std::max(left, milliseconds(1)));
        if (!answer || !answer->contains("pending"))
            return answer;
        request["question"] = (*answer)["pending"];
        trouble = answer->value("trouble", "");
        std::this_thread::sleep_for(kPause);
    }
}

int settle(const Session& session, milliseconds timeout) {
    std::string trouble;
    const auto answer = ask_until_settled(session, timeout, trouble);
    if (!answer) {
        session.complain(answer.error().timed_out
                             ? fmt::format("settle: what the source holds is not enforced after {} ms{}{}",
                                           timeout.count(), trouble.empty() ? "" : ": ", trouble)
                             : answer.error().message);
        return answer.error().timed_out ? kRefused : answer.error().exit_code;
    }
    const nlohmann::json refused = answer->value("refused", nlohmann::json::array());
    if (!session.print_as_data({{"refused", refused}}))
        print_refused(session.streams.out, refused);
    if (refused.empty())
        return kDone;
    // What is of no file is the agent's own: a state that does not fit, an interface that could not be attached to.
    const auto is_its_own = [](const nlohmann::json& item) { return item.value("file", "").empty(); };
    if (std::ranges::any_of(refused, is_its_own)) {
        session.complain("settle: not everything that the source holds is enforced; see above");
        return kRefused;
    }
    const auto has_last_good = [](const nlohmann::json& item) { return item.value("outcome", "") == "lastGood"; };
    session.complain(fmt::format("settle: {} refused; {}",
                                 counted(static_cast<double>(refused.size()), "object was", "objects were"),
                                 std::ranges::all_of(refused, has_last_good) ? "their last good versions are enforced"
                                                                             : "see above what is in force of each"));
    return kRefused;
}

}  // namespace

void add_settle(CLI::App& app, Session& session) {
    auto* command = app.add_subcommand(
        "settle",
        "Returns when everything that the source holds now is enforced. Silent, or shows the refused objects.");
    auto timeout = std::make_shared<std::string>("10s");
    command->add_option("--timeout", *timeout, "How long to wait: 10s, 500ms, 2m")
        ->capture_default_str()
        ->type_name("TIME")
        ->check(check_duration);
    add_common_options(*command, session);
    command->footer(
        "Example:\n"
        "  $ cp web.yaml /etc/catflap/manifests/ && catflap settle && run-tests\n"
        "Exits with 1 where an object was refused, or the time was not enough.");
    command->callback([timeout, &session] { session.exit_code = settle(session, parse_duration(*timeout).value()); });
}

}  // namespace catflap::cli
