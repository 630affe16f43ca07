// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/duration.h"
#include "cli/render.h"
#include "cli/yaml.h"

namespace catflap::cli {

Format Session::format() const {
    if (output == "wide")
        return Format::wide;
    if (output == "json")
        return Format::json;
    return output == "yaml" ? Format::yaml : Format::table;
}

std::chrono::milliseconds Session::patience() const {
    return parse_duration(timeout).value();
}

bool Session::print_as_data(const nlohmann::json& value) const {
    if (format() == Format::json)
        streams.out << value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    else if (format() == Format::yaml)
        streams.out << to_yaml(value);
    else
        return false;
    return true;
}

void Session::complain(std::string_view sentence) const {
    streams.err << "catflap: " << printable(sentence) << '\n';
}

void add_common_options(CLI::App& command, Session& session) {
    command.add_option("--run-dir", session.run_dir, "The agent's run directory")
        ->capture_default_str()
        ->type_name("DIR");
    command.add_option("-o,--output", session.output, "table, wide, json or yaml")
        ->capture_default_str()
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "wide", "json", "yaml"}));
}

void add_timeout(CLI::App& command, Session& session) {
    command.add_option("--timeout", session.timeout, "How long the agent may take for an answer: 10s, 500ms, 2m")
        ->capture_default_str()
        ->type_name("TIME")
        ->check(check_duration);
}

}  // namespace catflap::cli
