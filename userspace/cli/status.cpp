// SPDX-License-Identifier: Apache-2.0
// catflap status: the agent in one screen.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/diagnostics.h"
#include "cli/problems.h"
#include "cli/render.h"

namespace catflap::cli {
namespace {

using nlohmann::json;

// A line a topic: "mode       ebpf, attached by tcx". An agent of another version may lack a field:
// "-".
class Page {
  public:
    Page(const json& status, const Session& session) : status_(status), session_(session) {}
    void print();

  private:
    [[nodiscard]] std::string text(const char* pointer) const;
    [[nodiscard]] double number(const char* pointer) const;
    [[nodiscard]] std::string count(const char* pointer) const { return human_count(number(pointer)); }
    [[nodiscard]] json list(const char* name) const { return status_.value(name, json::array()); }
    void line(std::string_view topic, std::string_view words) {
        session_.streams.out << fmt::format("{:<12} {}\n", topic, printable(words));
    }
    void print_agent();
    void print_source();
    void print_counts();
    void print_diagnostics(const char* name, Colour colour);
    void print_problems();
    void print_unenforced();
    void print_maps();

    const json& status_;
    const Session& session_;
};

std::string Page::text(const char* pointer) const {
    const json value = status_.value(json::json_pointer(pointer), json());
    if (value.is_string() && !value.get_ref<const std::string&>().empty())
        return value;
    return value.is_number() ? value.dump() : "-";
}

double Page::number(const char* pointer) const {
    const json value = status_.value(json::json_pointer(pointer), json());
    return value.is_number() ? value.get<double>() : 0;
}

void Page::print_agent() {
    line("agent", fmt::format("catflapd {} on node {}, pid {}, since {}", text("/version"), text("/node"), text("/pid"),
                              text("/startedAt")));
    const std::string guard = text("/mode") == "iptables" ? "" : ", guard " + text("/guard/by");  // it needs none
    line("mode", fmt::format("{}, attached by {}{}, kernel {}, established connections: {}", text("/mode"),
                             text("/attachedBy"), guard, text("/kernel"), text("/established")));
}

void Page::print_source() {
    const std::string state = text("/source/state");
    session_.streams.out << fmt::format("{:<12} {} {}: {}\n", "source", printable(text("/source/kind")),
                                        printable(text("/source/path")),
                                        paint(colour_of_state(state), printable(state), session_.streams.colours));
    if (const std::string error = text("/source/error"); error != "-")
        line("", error);
    line("committed", fmt::format("{}, state {}: {} endpoints, {} addresses, {} tables in {:.1f} ms",
                                  text("/lastCommit/at"), text("/generationOfState"),
                                  count("/lastCommit/endpointsChanged"), count("/lastCommit/addressesChanged"),
                                  count("/lastCommit/tablesWritten"), number("/lastCommit/durationUs") / 1000));
}

void Page::print_counts() {
    line("holds", fmt::format("{} endpoints, {} policies, {} sets of {} addresses and {} prefixes",
                              count("/counts/endpoints"), count("/counts/policies"), count("/counts/sets"),
                              count("/counts/addresses"), count("/counts/prefixes")));
    if (text("/mode") == "iptables")
        return line("rendered", fmt::format("{} chains of {} rules, both families together", count("/counts/chains"),
                                            count("/counts/iptablesRules")));
    line("compiled", fmt::format("{} address classes, {} port classes, {} tables", count("/counts/classes"),
                                 count("/counts/portClasses"), count("/counts/tables")));
    line("flows", fmt::format("{} entries, {} created, {} judged again, {} recovered from conntrack, {} not stored",
                              count("/counts/flows"), count("/health/flowsCreated"), count("/health/flowsJudgedAgain"),
                              count("/health/flowsRecovered"), count("/health/flowInsertFailures")));
    if (text("/mode") == "audit")
        line("audit",
             fmt::format("{} packets that would have been dropped were let pass", count("/health/auditPasses")));
}

void Page::print_diagnostics(const char* name, Colour colour) {
    const auto diagnostics = diagnostics_from(list(name));
    if (diagnostics.empty())
        return;
    session_.streams.out << '\n'
                         << paint(colour, fmt::format("{} ({})", name, diagnostics.size()), session_.streams.colours)
                         << '\n';
    cli::print(session_.streams.out, diagnostics);
}

void Page::print_problems() {
    const auto problems = problems_of(status_);
    if (problems.empty())
        return;
    session_.streams.out << '\n' << paint(Colour::red, "not in order", session_.streams.colours) << '\n';
    for (const std::string& problem : problems)
        session_.streams.out << printable(problem) << '\n';
}

void Page::print_unenforced() {
    const json pods = list("unenforced");
    if (pods.empty())
        return;
    session_.streams.out << '\n'
                         << paint(Colour::red, fmt::format("not enforced ({})", pods.size()), session_.streams.colours)
                         << '\n';
    for (const json& pod : pods)
        session_.streams.out << printable(
                                    fmt::format("{}/{}: {}; selected by {}", pod.value("namespace", ""),
                                                pod.value("pod", ""), pod.value("reason", "-"),
                                                fmt::join(pod.value("policies", std::vector<std::string>{}), ", ")))
                             << '\n';
}

void Page::print_maps() {
    const json maps = list("maps");
    if (maps.empty())
        return;
    session_.streams.out << '\n'
                         << render_table(
                                kind_named("maps"), maps,
                                {.wide = session_.format() == Format::wide, .colours = session_.streams.colours});
}

void Page::print() {
    print_agent();
    print_source();
    print_counts();
    print_maps();
    print_problems();
    print_unenforced();
    print_diagnostics("warnings", Colour::yellow);
    print_diagnostics("refused", Colour::red);  // last: what a terminal shows without scrolling
}

int check(const Session& session, const json& status) {
    const auto problems = problems_of(status);
    if (!session.print_as_data({{"problems", problems}}))
        for (const std::string& problem : problems)
            session.streams.out << printable(problem) << '\n';
    return problems.empty() ? kDone : kRefused;
}

int status(const Session& session, bool only_check) {
    const auto answer = ask(session.run_dir, {{"command", "status"}});
    if (!answer) {
        session.complain(answer.error().message);
        return answer.error().exit_code;
    }
    const json status = answer->value("status", json::object());
    if (only_check)
        return check(session, status);
    if (!session.print_as_data(status))
        Page(status, session).print();
    return kDone;
}

}  // namespace

void add_status(CLI::App& app, Session& session) {
    auto* command = app.add_subcommand(
        "status",
        "Shows the agent: mode, source, last commit, how full the maps are, what it refused, and which pods\n"
        "it cannot enforce.");
    add_common_options(*command, session);
    command->footer(
        "Example:\n"
        "  $ catflap status -o json | jq -r .source.state\n"
        "  synced\n"
        "Exits with 0 whenever an agent answers, also where it refused objects; with --check, only where all is in order.");
    auto only_check = std::make_shared<bool>(false);
    command->add_flag("--check", *only_check,
                      "Prints only what keeps the node from being enforced as the source says; 1: there is something");
    command->callback([only_check, &session] { session.exit_code = status(session, *only_check); });
}

}  // namespace catflap::cli
