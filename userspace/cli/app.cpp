// SPDX-License-Identifier: Apache-2.0
#include "cli/app.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

namespace catflap::cli {
namespace {

// CLI11 answers some mistakes with several lines.
std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

}  // namespace

int run(std::vector<std::string> arguments, const Streams& streams) {
    Session session{.streams = streams};
    CLI::App app("Looks into catflapd, the network policy agent of this node.", "catflap");
    app.set_version_flag("--version", "catflap " CATFLAP_VERSION);
    app.require_subcommand(1);
    app.footer("Exit codes: 0 done, 1 a refusal or a failed check, 2 usage, 3 no agent or no permission.");
    add_status(app, session);
    add_settle(app, session);
    add_get(app, session);
    add_check(app, session);
    add_render(app, session);
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
