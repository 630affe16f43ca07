// SPDX-License-Identifier: Apache-2.0
#include "cli/app.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

#include "cli/suggest.h"

namespace catflap::cli {
namespace {

// CLI11 answers some mistakes with several lines.
std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

std::vector<std::string> command_names(const CLI::App& app) {
    std::vector<std::string> names = {"help", "version"};
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
        names.push_back(command->get_name());
    return names;
}

// `catflap help get` is `catflap get --help`; `catflap version` is `catflap --version`.
void translate_words(std::vector<std::string>& arguments) {
    if (arguments.empty())
        return;
    if (arguments[0] == "version")
        arguments[0] = "--version";
    if (arguments[0] != "help")
        return;
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
}

}  // namespace

int run(std::vector<std::string> arguments, const Streams& streams) {
    Session session{.streams = streams};
    CLI::App app("Looks into catflapd, the network policy agent of this node.", "catflap");
    app.set_version_flag("--version", "catflap " CATFLAP_VERSION);
    app.require_subcommand(1);
    app.footer(
        "catflap help COMMAND shows more.\nExit codes: 0 done, 1 a refusal or a failed check, 2 usage, 3 no agent or no permission.");
    add_status(app, session);
    add_settle(app, session);
    add_get(app, session);
    add_check(app, session);
    add_explain(app, session);
    add_verify(app, session);
    add_monitor(app, session);
    add_render(app, session);
    translate_words(arguments);
    if (!arguments.empty() && !arguments[0].starts_with('-')) {
        const auto names = command_names(app);
        if (std::ranges::find(names, arguments[0]) == names.end()) {
            session.complain(fmt::format("there is no command \"{}\"{}; see catflap --help", arguments[0],
                                         suggestion(arguments[0], names)));
            return kUsage;
        }
    }
    std::reverse(arguments.begin(), arguments.end());  // the order in which CLI11 takes a vector
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0)  // --help, --version
            return app.exit(error, streams.out, streams.err);
        session.complain(one_line(error.what()) + "; see catflap --help");
        return kUsage;
    } catch (const std::exception& error) {  // an answer whose fields have other types than docs/cli.md says
        session.complain(one_line(error.what()));
        return kRefused;
    }
    if (!streams.out.flush()) {
        session.complain("write the output: it was not taken");
        return kRefused;
    }
    return session.exit_code;
}

}  // namespace catflap::cli
