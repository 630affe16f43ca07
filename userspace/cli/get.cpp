// SPDX-License-Identifier: Apache-2.0
// catflap get: one kind of what the agent enforces, as a table or as data.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/render.h"

namespace catflap::cli {
namespace {

int get(const Session& session, const std::string& kind, const std::vector<std::string>& names) {
    const auto answer = ask(session.run_dir, {{"command", "get"}, {"kind", kind}, {"names", names}});
    if (!answer) {
        session.complain(answer.error().message);
        return answer.error().exit_code;
    }
    const auto items = answer->value("items", nlohmann::json::array());
    if (session.print_as_data(items))
        return kDone;
    if (items.empty()) {
        session.streams.err << fmt::format("no {}\n", kind);
        return kDone;
    }
    session.streams.out << render_table(kind_named(kind), items,
                                        {.wide = session.format() == Format::wide, .colours = session.streams.colours});
    return kDone;
}

std::vector<std::string> kind_names() {
    std::vector<std::string> names;
    for (const Kind& kind : kinds())
        names.emplace_back(kind.name);
    return names;
}

std::string footer() {
    std::string text = "Kinds:\n";
    for (const Kind& kind : kinds())
        text += fmt::format("  {:<10} {}\n", kind.name, kind.sentence);
    return text +
           "Example:\n"
           "  $ catflap get policies\n"
           "  NAMESPACE  NAME                  DIRECTIONS  ENDPOINTS  RULES  ALLOWED  DROPPED\n"
           "  ingress    drop-inter-namespace  Ingress             3      1    12.8k      416\n"
           "  $ catflap get sets -o json | jq -r '.[].members[]'\n"
           "In tables, large numbers are rounded and long names cut; -o wide shows all. Fields: docs/cli.md.";
}

struct Request {
    std::string kind;
    std::vector<std::string> names;
};

}  // namespace

void add_get(CLI::App& app, Session& session) {
    auto* command = app.add_subcommand("get", "Shows what the agent enforces, and what it counted.");
    auto request = std::make_shared<Request>();
    command->add_option("KIND", request->kind, "What to show, see below")
        ->required()
        ->type_name("")
        ->check(CLI::IsMember(kind_names()));
    command->add_option("NAME", request->names, "Only these: a name, or namespace/name; default: all")->type_name("");
    add_common_options(*command, session);
    command->footer(footer());
    command->callback([request, &session] { session.exit_code = get(session, request->kind, request->names); });
}

}  // namespace catflap::cli
