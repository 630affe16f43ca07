// SPDX-License-Identifier: Apache-2.0
// catflap settle: waits until the source's present state is enforced.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/diagnostics.h"

namespace catflap::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestTimeout = std::chrono::hours(24);

// "10s", "500ms", "2m"; a number alone is seconds.
std::optional<milliseconds> parse_duration(std::string_view text) {
    uint32_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
    if (error != std::errc{})
        return std::nullopt;
    milliseconds duration{};
    if (unit == "ms")
        duration = milliseconds(number);
    else if (unit == "s" || unit.empty())
        duration = std::chrono::seconds(number);
    else if (unit == "m")
        duration = std::chrono::minutes(number);
    else
        return std::nullopt;
    return duration <= kLongestTimeout ? std::optional(duration) : std::nullopt;
}

std::string check_duration(const std::string& text) {
    return parse_duration(text) ? "" : fmt::format("{} is not a time such as 10s, 500ms or 2m", text);
}

int settle(const Session& session, milliseconds timeout) {
    // The agent answers when it has done it.
    const auto answer = ask(session.run_dir, {{"command", "settle"}}, timeout);
    if (!answer) {
        session.complain(answer.error().timed_out
                             ? fmt::format("settle: what the source holds is not enforced after {} ms", timeout.count())
                             : answer.error().message);
        return answer.error().timed_out ? kRefused : answer.error().exit_code;
    }
    const auto refused = diagnostics_from(answer->value("refused", nlohmann::json::array()));
    if (!session.print_as_data({{"refused", to_json(refused)}}))
        print(session.streams.out, refused);
    if (refused.empty())
        return kDone;
    // What is of no file is the agent's own: a state that does not fit, an interface that could not be attached to.
    if (std::ranges::any_of(refused, [](const auto& diagnostic) { return diagnostic.file.empty(); })) {
        session.complain("settle: not everything that the source holds is enforced; see above");
        return kRefused;
    }
    session.complain(
        fmt::format("settle: {} refused; their last good versions are enforced",
                    refused.size() == 1 ? "1 object was" : fmt::format("{} objects were", refused.size())));
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
