// SPDX-License-Identifier: Apache-2.0
// catflap get: one kind of what the agent enforces, as a table or as data.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "cli/command.h"
#include "cli/listing.h"
#include "cli/render.h"
#include "cli/suggest.h"
#include "cli/yaml.h"

namespace catflap::cli {
namespace {

using nlohmann::json;

// Writes items as they come: a list of the agent's may be longer than anybody wants to hold.
class ItemWriter {
  public:
    ItemWriter(const Session& session, report::Kind kind) : session_(session), kind_(kind) {}

    void begin(bool audit) {
        const Streams& streams = session_.streams;
        const bool wide = session_.format() == Format::wide;
        if (session_.format() == Format::table || wide)
            table_.emplace(kind_, TableStyle{wide, streams.colours, streams.width, audit}, streams.out);
    }
    void take(const json& item) {
        if (table_)
            table_->add(item);
        else if (session_.format() == Format::yaml)
            session_.streams.out << to_yaml(json::array({item}));
        else
            session_.streams.out << (count_ == 0 ? "[\n" : ",\n") << indented(item);
        ++count_;
    }
    void end() {
        if (table_ && count_ > 0)
            table_->finish();
        else if (table_)
            session_.streams.err << fmt::format("no {}\n", report::info_of(kind_).name);
        else if (session_.format() == Format::yaml)
            session_.streams.out << (count_ == 0 ? to_yaml(json::array()) : "");
        else
            session_.streams.out << (count_ == 0 ? "[]\n" : "\n]\n");
    }

  private:
    // As a part of an array that is printed as a whole.
    static std::string indented(const json& item) {
        std::string text = "  ";
        for (const char c : item.dump(2, ' ', false, json::error_handler_t::replace)) {
            text += c;
            if (c == '\n')
                text += "  ";
        }
        return text;
    }

    const Session& session_;
    report::Kind kind_;
    std::optional<TableWriter> table_;
    size_t count_ = 0;
};

int refuse(const Session& session, const Refusal& refusal) {
    session.complain(refusal.message);
    return refusal.exit_code;
}

int get(const Session& session, const ListRequest& request) {
    auto client = Client::connect(session.run_dir, session.patience());
    if (!client)
        return refuse(session, client.error());
    // What was asked for by name is shown only where all of it is there.
    std::vector<json> chosen;
    ItemWriter writer(session, request.kind);
    const auto take = [&](const json& item) {
        if (request.names.empty())
            writer.take(item);
        else
            chosen.push_back(item);
    };
    const auto result = Listing(std::move(*client))
                            .run(
                                request, [&](bool audit) { writer.begin(audit); }, take);
    if (!result)
        return refuse(session, result.error());
    if (!result->missing.empty()) {
        session.complain(
            fmt::format("there is no {} among the {}", result->missing.front(), report::info_of(request.kind).name));
        return kRefused;
    }
    for (const json& item : chosen)
        writer.take(item);
    writer.end();
    if (result->more)
        session.streams.err << fmt::format("the first {}; there are more\n", request.limit);
    if (result->changed)
        session.streams.err
            << "something changed while this was read: an item may be missing, or of before the change\n";
    return kDone;
}

std::vector<std::string> kind_names() {
    std::vector<std::string> names;
    for (const report::KindInfo& info : report::kKinds)
        names.emplace_back(info.name);
    return names;
}

std::string check_kind(const std::string& name) {
    if (report::kind_named(name))
        return "";
    const std::string near = suggestion(name, kind_names());
    return fmt::format("there is no kind \"{}\"{}", name,
                       near.empty() ? fmt::format(", there are {}", fmt::join(kind_names(), ", ")) : near);
}

std::string footer() {
    std::string text = "Kinds:\n";
    for (const report::KindInfo& info : report::kKinds)
        text += fmt::format("  {:<10} {}\n", info.name, info.sentence);
    return text +
           "Example:\n"
           "  $ catflap get policies\n"
           "  NAMESPACE  NAME                  DIRECTIONS  ENDPOINTS  RULES  ALLOWED  DROPPED\n"
           "  ingress    drop-inter-namespace  Ingress             3      1    12.8k      416\n"
           "  $ catflap get sets -o json | jq -r '.[].members[]'\n"
           "In tables large numbers are rounded, and on a terminal long names are cut; -o wide shows all. Fields: "
           "docs/cli.md.";
}

}  // namespace

void add_get(CLI::App& app, Session& session) {
    auto* command = app.add_subcommand("get", "Shows what the agent enforces, and what it counted.");
    auto kind = std::make_shared<std::string>();
    auto request = std::make_shared<ListRequest>();
    command->add_option("KIND", *kind, "What to show, see below")->required()->type_name("")->check(check_kind);
    command->add_option("NAME", request->names, "Only these: a name, or namespace/name; default: all")->type_name("");
    command
        ->add_option("--endpoint", request->endpoint,
                     "Only what is of this endpoint: an interface, a pod's name, or namespace/name")
        ->type_name("ENDPOINT");
    command->add_option("--limit", request->limit, "At most so many; 0: all")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str()
        ->type_name("N");
    add_timeout(*command, session);
    add_common_options(*command, session);
    command->footer(footer());
    command->callback([kind, request, &session] {
        request->kind = report::kind_named(*kind).value();
        request->members = request->kind != report::Kind::sets || session.format() != Format::table;
        session.exit_code = get(session, *request);
    });
}

}  // namespace catflap::cli
