// SPDX-License-Identifier: Apache-2.0
#include "cli/diagnostics.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/render.h"
#include "report/facts.h"

namespace catflap::cli {

using source::Diagnostic;

nlohmann::json to_json(const Diagnostic& diagnostic) {
    return {{"file", diagnostic.file},
            {"line", diagnostic.line},
            {"object", diagnostic.object},
            {"field", diagnostic.field},
            {"message", diagnostic.message}};
}

nlohmann::json to_json(const std::vector<Diagnostic>& diagnostics) {
    nlohmann::json list = nlohmann::json::array();
    for (const Diagnostic& diagnostic : diagnostics)
        list.push_back(to_json(diagnostic));
    return list;
}

std::vector<Diagnostic> diagnostics_from(const nlohmann::json& list) {
    std::vector<Diagnostic> diagnostics;
    for (const nlohmann::json& item : list)
        diagnostics.push_back({.file = item.value("file", ""),
                               .line = item.value("line", 0),
                               .object = item.value("object", ""),
                               .field = item.value("field", ""),
                               .message = item.value("message", "")});
    return diagnostics;
}

namespace {

// Of the field "outcome"; "": an older agent, or no object's.
std::string_view words_of(const std::string& outcome) {
    for (const auto value : {report::Outcome::last_good, report::Outcome::isolated, report::Outcome::nothing})
        if (outcome == report::to_string(value))
            return report::sentence_of(value);
    return "";
}

}  // namespace

void print_refused(std::ostream& out, const nlohmann::json& refused) {
    const auto diagnostics = diagnostics_from(refused);
    for (size_t i = 0; i < diagnostics.size(); ++i) {
        const std::string_view outcome = words_of(refused[i].value("outcome", ""));
        out << printable(to_string(diagnostics[i]));
        if (!outcome.empty())
            out << " (" << outcome << ')';
        out << '\n';
    }
}

void print(std::ostream& out, const std::vector<Diagnostic>& diagnostics, std::string_view before_message) {
    for (Diagnostic diagnostic : diagnostics) {
        diagnostic.message.insert(0, before_message);
        out << printable(to_string(diagnostic)) << '\n';
    }
}

}  // namespace catflap::cli
