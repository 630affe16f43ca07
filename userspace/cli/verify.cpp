// SPDX-License-Identifier: Apache-2.0
// catflap verify: what is loaded and attached, compared with what is to be.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/duration.h"
#include "cli/render.h"

namespace catflap::cli {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

const std::vector<Column> kChecks = {{"CHECK", "check"},
                                     {"CHECKED", "checked", Cell::exact},
                                     {"DIFFERENCES", "differences", Cell::exact},
                                     {"MENDED", "mended", Cell::exact},
                                     {"NOT READ", "unread", Cell::sentence}};
const std::vector<Column> kDifferences = {{"CHECK", "check"},
                                          {"OBJECT", "object"},
                                          {"EXPECTED", "expected", Cell::sentence},
                                          {"FOUND", "found", Cell::sentence},
                                          {"DONE", "done", Cell::sentence}};

// The agent compares in slices, and answers when it is through.
Answer ask_until_compared(const Session& session, bool repair, milliseconds timeout) {
    constexpr milliseconds kPause{10};
    const auto until = std::chrono::steady_clock::now() + timeout;
    json request = {{"command", "verify"}, {"repair", repair}};
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
        auto answer = ask(session.run_dir, request, std::max(left, milliseconds(1)));
        if (!answer || !answer->contains("pending"))
            return answer;
        if (std::chrono::steady_clock::now() >= until)
            return tl::unexpected(Refusal{
                kNoAccess, fmt::format("verify: the agent is not through after {} ms: give --timeout", timeout.count()),
                true});
        request["question"] = (*answer)["pending"];
        std::this_thread::sleep_for(kPause);
    }
}

void print_verification(const Session& session, const json& found) {
    std::ostream& out = session.streams.out;
    const TableStyle style{session.format() == Format::wide, session.streams.colours, session.streams.width};
    out << render_table(kChecks, found.at("checks"), style);
    const json& differences = found.at("differences");
    if (!differences.empty())
        out << '\n' << render_table(kDifferences, differences, style);
    const auto count = found.at("differencesCount").get<uint64_t>();
    if (count > differences.size())
        out << fmt::format("and {} more\n", count - differences.size());
    for (const json& note : found.at("notes"))
        out << "note: " << printable(note.get<std::string>()) << '\n';
    const bool equal = found.at("equal");
    out << '\n'
        << paint(equal ? Colour::green : Colour::red,
                 equal        ? "what is loaded is what is to be"
                 : count == 0 ? "not everything could be compared"
                              : counted(static_cast<double>(count), "difference", "differences"),
                 session.streams.colours)
        << fmt::format(" ({:.1f} ms of the agent's time)\n", found.at("tookUs").get<double>() / 1000);
}

int verify(const Session& session, bool repair, milliseconds timeout) {
    const auto answer = ask_until_compared(session, repair, timeout);
    if (!answer) {
        session.complain(answer.error().message);
        // 1 means that something differs, and an agent that cannot answer does not say that.
        return answer.error().exit_code == kRefused ? static_cast<int>(kNoAccess) : answer.error().exit_code;
    }
    const json& found = answer->at("verification");
    if (!session.print_as_data(found))
        print_verification(session, found);
    return found.at("equal") ? kDone : kRefused;
}

}  // namespace

void add_verify(CLI::App& app, Session& session) {
    auto* command = app.add_subcommand(
        "verify",
        "Compares what is attached and loaded in the kernel with what the agent has attached and loaded there. The agent\n"
        "does so by itself, too, and mends it (catflapd --verify-interval).");
    auto repair = std::make_shared<bool>(false);
    auto timeout = std::make_shared<std::string>("30s");
    command->add_flag("--repair", *repair, "Mends what differs, and says of each what was done");
    command->add_option("--timeout", *timeout, "How long to wait: 10s, 500ms, 2m")
        ->capture_default_str()
        ->type_name("TIME")
        ->check(check_duration);
    add_common_options(*command, session);
    command->footer(
        "Example:\n"
        "  $ catflap verify --repair\n"
        "Exits with 0 where nothing differs, 1 where something did or could not be compared, 3 where nobody can answer.");
    command->callback([repair, timeout, &session] {
        session.exit_code = verify(session, *repair, parse_duration(*timeout).value());
    });
}

}  // namespace catflap::cli
