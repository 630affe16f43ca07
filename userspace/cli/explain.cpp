// SPDX-License-Identifier: Apache-2.0
// catflap explain: which policy decides about a connection; of the agent's state, or of manifests.
#include "explain/explain.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/printable.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/diagnostics.h"
#include "cli/manifests.h"
#include "cli/render.h"

namespace catflap::cli {
namespace {

using nlohmann::json;

constexpr size_t kQuestion = 3;  // FROM TO PORT/PROTOCOL

struct Words {
    std::vector<std::string> question;
    std::vector<std::string> files;
    bool offline = false;
};

// --files takes what follows it, and so the question, too, where that comes last.
void give_back(Words& words) {
    const size_t missing = kQuestion - std::min(words.question.size(), kQuestion);
    if (words.files.size() < missing)
        return;
    const auto first = words.files.end() - static_cast<std::ptrdiff_t>(missing);
    words.question.insert(words.question.end(), first, words.files.end());
    words.files.erase(first, words.files.end());
}

std::string verdict_in_colour(const Session& session, const json& value) {
    const std::string verdict = value.at("verdict");
    return paint(verdict == "allowed" ? Colour::green : Colour::red, verdict, session.streams.colours);
}

void print_end(const Session& session, const json& end) {
    std::ostream& out = session.streams.out;
    const auto text = [&](const char* field) { return printable(end.at(field).get<std::string>()); };
    out << fmt::format("{} of {}{}: {}, {}\n", text("direction") == "Egress" ? "egress" : "ingress", text("pod"),
                       text("node").empty() ? "" : " on " + text("node"), verdict_in_colour(session, end),
                       text("sentence"));
    for (const json& asked : end.value("inOrder", json::array()))
        out << "  " << printable(asked.get<std::string>()) << '\n';
    for (const json& miss : end.at("misses")) {
        const std::string rule =
            miss.contains("index") ? fmt::format(" {}[{}]", text("direction"), miss["index"].get<size_t>()) : "";
        out << fmt::format("  {}{}: {}\n", printable(miss.at("policy").get<std::string>()), rule,
                           printable(miss.at("reason").get<std::string>()));
    }
    for (const json& note : end.at("notes"))
        out << "  note: " << printable(note.get<std::string>()) << '\n';
}

// "shop/web (10.13.76.6)".
std::string place(const std::string& asked, const std::string& address) {
    return printable(asked == address || address.empty() ? asked : fmt::format("{} ({})", asked, address));
}

void print_explanation(const Session& session, const json& explanation) {
    const std::string protocol = explanation.at("protocol");
    const int port = explanation.at("port");
    for (const json& path : explanation.at("paths")) {
        session.streams.out << fmt::format("{} -> {}, {}: {}\n", place(explanation.at("from"), path.at("source")),
                                           place(explanation.at("to"), path.at("destination")),
                                           port == 0 ? protocol : fmt::format("{} {}", protocol, port),
                                           verdict_in_colour(session, path));
        for (const json& end : path.at("ends"))
            print_end(session, end);
    }
    for (const json& note : explanation.at("notes"))
        session.streams.out << "note: " << printable(note.get<std::string>()) << '\n';
}

int show(const Session& session, const json& explanation) {
    if (!session.print_as_data(explanation))
        print_explanation(session, explanation);
    return explanation.at("verdict") == "allowed" ? kDone : kRefused;
}

int explain_files(const Session& session, const Words& words, const report::Question& question) {
    Manifests manifests(session);
    for (const std::string& file : words.files)
        manifests.take(file);
    manifests.publish();
    // As an agent that meets these objects for the first time: what is refused is not there, a policy isolates.
    print(session.streams.err, manifests.catalog().refusals(), "refused: ");
    if (!manifests.everything_read())
        return kNoAccess;  // what is missing could turn the answer into another one
    const auto explanation = explain::explain(manifests.catalog().cluster(), question);
    if (!explanation) {
        session.complain(explanation.error().message);
        return kUsage;
    }
    return show(session, to_json(*explanation));
}

int explain_agent(const Session& session, const report::Question& question) {
    const auto answer =
        ask(session.run_dir,
            {{"command", "explain"}, {"from", question.from}, {"to", question.to}, {"port", question.port}},
            session.patience());
    if (answer)
        return show(session, answer->at("explanation"));
    session.complain(answer.error().message);
    // 1 means dropped here, and an agent that cannot answer yet does not say that.
    return answer.error().exit_code == kRefused ? static_cast<int>(kNoAccess) : answer.error().exit_code;
}

int explain(const Session& session, Words words) {
    if (words.offline)
        give_back(words);
    if (words.question.size() != kQuestion || (words.offline && words.files.empty())) {
        session.complain(
            words.offline && words.question.size() == kQuestion
                ? "--files needs at least one PATH; see catflap help explain"
                : "explain needs FROM TO PORT/PROTOCOL, as in: catflap explain shop/client shop/web 80/tcp");
        return kUsage;
    }
    const report::Question question{words.question[0], words.question[1], words.question[2]};
    return words.offline ? explain_files(session, words, question) : explain_agent(session, question);
}

}  // namespace

void add_explain(CLI::App& app, Session& session) {
    auto* command = app.add_subcommand(
        "explain",
        "Shows whether a new connection is allowed, and which policies decide, at both of its ends: of the agent's\n"
        "state, or with --files of manifests, without an agent and root.");
    auto words = std::make_shared<Words>();
    command
        ->add_option(
            "QUESTION", words->question,
            "FROM TO PORT/PROTOCOL. FROM and TO: NAMESPACE/POD, an address, or host (the node of the other end)")
        ->type_name("FROM TO PORT/PROTOCOL");
    auto* files =
        command->add_option("--files", words->files, "Manifests, directories of them, or - for the standard input")
            ->type_name("PATH");
    add_timeout(*command, session);
    add_common_options(*command, session);
    command->footer(
        "Example:\n"
        "  $ catflap explain shop/client shop/web 80/tcp\n"
        "  shop/client (10.13.76.10) -> shop/web (10.13.76.6), TCP 80: dropped\n"
        "  egress of shop/client on n1: allowed, no policy isolates it in this direction\n"
        "  ingress of shop/web on n1: dropped, a policy isolates it, and no rule of it admits this\n"
        "    shop/web Ingress[0]: right peer, but it admits TCP 8080, not TCP 80\n"
        "  $ catflap explain --files cluster.yaml policies/ 10.9.8.7 shop/web icmp\n"
        "Exits with 0 where it is allowed, 1 where it is dropped, 2 where the question is wrong, 3 where nobody can answer.");
    command->callback([words, files, &session] {
        words->offline = files->count() > 0;
        session.exit_code = explain(session, *words);
    });
}

}  // namespace catflap::cli
