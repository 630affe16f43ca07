// SPDX-License-Identifier: Apache-2.0
// catflap status: the agent in one screen.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <algorithm>
#include <ostream>
#include <utility>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/diagnostics.h"
#include "cli/render.h"
#include "report/early_drop.h"
#include "report/fast_path.h"

namespace catflap::cli {
namespace {

using nlohmann::json;

// "the guard is off (...); start catflapd without --guard off".
std::string words_of(const json& condition) {
    return fmt::format("{}; {}", condition.value("sentence", ""), condition.value("remedy", ""));
}

std::string on_node(const json& pod) {
    const std::string node = pod.value("node", "");
    return node.empty() ? "" : " on " + node;
}

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
    [[nodiscard]] std::string things(const char* pointer, std::string_view one, std::string_view several) const {
        return counted(number(pointer), one, several);
    }
    [[nodiscard]] std::string endpoints(const char* pointer) const { return things(pointer, "endpoint", "endpoints"); }
    [[nodiscard]] std::string addresses(const char* pointer) const { return things(pointer, "address", "addresses"); }
    [[nodiscard]] std::string tables(const char* pointer) const { return things(pointer, "table", "tables"); }
    [[nodiscard]] json list(const char* name) const { return status_.value(name, json::array()); }
    void line(std::string_view topic, std::string_view words) {
        session_.streams.out << fmt::format("{:<12} {}\n", topic, printable(words));
    }
    void print_agent();
    void print_source();
    void print_counts();
    void print_fast_path();
    void print_early_drop();
    void print_warnings();
    void print_refused();
    void print_conditions();
    void print_pods(const char* name, const char* heading, const char* count_pointer, Colour colour);
    void title(std::string_view words, size_t shown, const char* count_pointer, Colour colour);
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
    if (!status_.value("asksConntrack", true))
        line(
            "",
            "this kernel's nf_conntrack cannot be asked (5.18 can): a connection whose flow is evicted is judged anew");
    if (number("/health/untrackedSeen") > 0)
        line("", "a rule exempts packets of pods from nf_conntrack (NOTRACK): connections have flows again");
}

void Page::print_source() {
    const std::string state = text("/source/state");
    session_.streams.out << fmt::format("{:<12} {} {}: {}\n", "source", printable(text("/source/kind")),
                                        printable(text("/source/path")),
                                        paint(colour_of_state(state), printable(state), session_.streams.colours));
    if (const std::string error = text("/source/error"); error != "-")
        line("", error);
    line("committed",
         fmt::format("{}, state {}: {}, {}, {} in {:.1f} ms", text("/lastCommit/at"), text("/generationOfState"),
                     endpoints("/lastCommit/endpointsChanged"), addresses("/lastCommit/addressesChanged"),
                     tables("/lastCommit/tablesWritten"), number("/lastCommit/durationUs") / 1000));
}

void Page::print_counts() {
    const std::string policies = things("/counts/policies", "policy", "policies");
    const std::string sets = things("/counts/sets", "set", "sets");
    if (text("/mode") == "iptables") {
        line("holds", fmt::format("{}, {}, {} of {}", endpoints("/counts/endpoints"), policies, sets,
                                  things("/counts/addresses", "member", "members")));
        return line("rendered",
                    fmt::format("{} of {}, both families together", things("/counts/chains", "chain", "chains"),
                                things("/counts/iptablesRules", "rule", "rules")));
    }
    line("holds", fmt::format("{}, {}, {} (catflap get sets)", endpoints("/counts/endpoints"), policies, sets));
    line("compiled",
         fmt::format("{} and {} into {}, {} into {}", addresses("/counts/addresses"),
                     things("/counts/prefixes", "prefix", "prefixes"), things("/counts/classes", "class", "classes"),
                     "ports", things("/counts/portClasses", "class", "classes")) +
             fmt::format("; {}", tables("/counts/tables")));
    line("flows", fmt::format("{}, {} created, {} judged again, {} recovered from conntrack, {} not stored",
                              things("/counts/flows", "entry", "entries"), count("/health/flowsCreated"),
                              count("/health/flowsJudgedAgain"), count("/health/flowsRecovered"),
                              count("/health/flowInsertFailures")));
    if (status_.contains(json::json_pointer("/counts/maxConnections")))
        line("conntrack",
             fmt::format("{} of at most {}{}", count("/counts/connections"), count("/counts/maxConnections"),
                         text("/connectionsIn") == "nf_conntrack" ? ", in place of flows for TCP and UDP"
                                                                  : ", asked for connections without a flow"));
    if (text("/mode") == "audit")
        line("audit", fmt::format("{} that would have been dropped let pass",
                                  things("/health/auditPasses", "packet", "packets")));
}

// An agent of an earlier version has none.
void Page::print_fast_path() {
    const std::string state = text("/fastPath/state");
    if (state == "-")
        return;
    const std::string reason = text("/fastPath/reason");
    const std::string pods =
        fmt::format("for {} of {}", count("/fastPath/pods"), things("/fastPath/podsOfNode", "pod", "pods"));
    line("fast path", state == "off" ? "off: " + reason
                                     : (state == "on" ? fmt::format("on {} (TCP and UDP)", pods)
                                                      : fmt::format("UDP only, {}: {}", pods, reason)) +
                                           report::words_of(report::fast_path_uplinks_from(status_.at("fastPath"))));
}

// An agent of an earlier version has none.
void Page::print_early_drop() {
    if (text("/earlyDrop/state") == "-")
        return;
    const json row = status_.at("earlyDrop");
    report::EarlyDropRow words{
        row.value("state", "") == "off" ? row.value("reason", "") : "", row.value("hook", ""), {}};
    for (const json& uplink : row.value("uplinks", json::array()))
        words.uplinks.push_back({uplink.value("name", ""), uplink.value("refusal", "")});
    line("early drop", report::words_of(words));
}

void Page::title(std::string_view words, size_t shown, const char* count_pointer, Colour colour) {
    const auto all = std::max(static_cast<size_t>(number(count_pointer)), shown);
    const std::string heading =
        all > shown ? fmt::format("{} (the first {} of {})", words, shown, all) : fmt::format("{} ({})", words, shown);
    session_.streams.out << '\n' << paint(colour, heading, session_.streams.colours) << '\n';
}

void Page::print_warnings() {
    const auto warnings = diagnostics_from(list("warnings"));
    if (warnings.empty())
        return;
    title("warnings", warnings.size(), "/counts/warnings", Colour::yellow);
    cli::print(session_.streams.out, warnings);
}

void Page::print_refused() {
    const json refused = list("refused");
    if (refused.empty())
        return;
    title("refused", refused.size(), "", Colour::red);
    cli::print_refused(session_.streams.out, refused);
}

// What has a list of its own on this page is not said twice.
void Page::print_conditions() {
    const std::vector<std::string> listed = {"refused", "unenforced", "out-of-reach"};
    bool begun = false;
    for (const json& condition : list("conditions")) {
        if (std::ranges::find(listed, condition.value("id", "")) != listed.end())
            continue;
        if (!std::exchange(begun, true))
            session_.streams.out << '\n' << paint(Colour::red, "not in order", session_.streams.colours) << '\n';
        session_.streams.out << printable(words_of(condition)) << '\n';
    }
}

void Page::print_pods(const char* name, const char* heading, const char* count_pointer, Colour colour) {
    const json pods = list(name);
    if (pods.empty())
        return;
    title(heading, pods.size(), count_pointer, colour);
    for (const json& pod : pods)
        session_.streams.out << printable(
                                    fmt::format("{}/{}{}: {}; selected by {}", pod.value("namespace", ""),
                                                pod.value("pod", ""), on_node(pod), pod.value("reason", "-"),
                                                fmt::join(pod.value("policies", std::vector<std::string>{}), ", ")))
                             << '\n';
}

void Page::print_maps() {
    const json maps = list("maps");
    if (maps.empty())
        return;
    session_.streams.out << '\n'
                         << render_table(report::Kind::maps, maps,
                                         {.wide = session_.format() == Format::wide,
                                          .colours = session_.streams.colours,
                                          .width = session_.streams.width});
}

void Page::print() {
    print_agent();
    print_source();
    print_counts();
    print_fast_path();
    print_early_drop();
    print_maps();
    print_warnings();
    print_pods("outOfReach", "selected by a policy, and out of reach of any agent", "/counts/outOfReach",
               Colour::yellow);
    print_pods("unenforced", "not enforced", "/counts/unenforced", Colour::red);
    print_conditions();
    print_refused();  // last: what a terminal shows without scrolling
}

// Whether the node is enforced as its source says: warnings are printed, and do not decide.
int check(const Session& session, const json& status) {
    const json conditions = status.at("conditions");
    json problems = json::array();
    for (const json& condition : conditions)
        if (condition.value("severity", "fail") == "fail")
            problems.push_back(words_of(condition));
    if (!session.print_as_data({{"problems", problems}, {"conditions", conditions}}))
        for (const json& condition : conditions)
            session.streams.out << (condition.value("severity", "fail") == "fail" ? "" : "warning: ")
                                << printable(words_of(condition)) << '\n';
    return problems.empty() ? kDone : kRefused;
}

int status(const Session& session, bool only_check) {
    const auto answer = ask(session.run_dir, {{"command", "status"}}, session.patience());
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
    add_timeout(*command, session);
    add_common_options(*command, session);
    command->footer(
        "Example:\n"
        "  $ catflap status -o json | jq -r .source.state\n"
        "  synced\n"
        "Exits with 0 whenever an agent answers, also where it refused objects; with --check, only where the node is\n"
        "enforced as its source says; with --cluster, only where each node is.");
    const auto cluster = add_cluster_options(*command);
    auto only_check = std::make_shared<bool>(false);
    command->add_flag("--check", *only_check,
                      "Prints only what keeps the node from being enforced as the source says; 1: there is something");
    command->callback([only_check, cluster, &session] {
        session.exit_code =
            is_asked(*cluster) ? status_cluster(session, *cluster, *only_check) : status(session, *only_check);
    });
}

}  // namespace catflap::cli
