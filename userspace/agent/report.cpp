// SPDX-License-Identifier: Apache-2.0
#include "agent/report.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace catflap::agent {
namespace {

using nlohmann::json;

struct Kind {
    const char* name;
    json (*make)(const AgentState&);
};

constexpr std::array<Kind, 7> kKinds = {{{"endpoints", report_endpoints},
                                         {"policies", report_policies},
                                         {"rules", report_rules},
                                         {"sets", report_sets},
                                         {"flows", report_flows},
                                         {"drops", report_drops},
                                         {"maps", report_maps}}};

// The names by which an item can be asked for: "ns/name" where it has a namespace, else what identifies it.
bool is_named(const json& item, const std::string& name) {
    const auto text = [&](const char* field) { return item.value(field, std::string()); };
    if (item.contains("namespace"))
        for (const char* field : {"pod", "name"})
            if (item.contains(field) && (text("namespace") + "/" + text(field) == name || text(field) == name))
                return true;
    if (item.contains("policy") && (text("policyNamespace") + "/" + text("policy") == name || text("policy") == name))
        return true;
    return text("interface") == name || text("name") == name || text("reason") == name;
}

json get(const AgentState& state, const json& request) {
    const std::string kind = request.value("kind", "");
    const auto found = std::ranges::find_if(kKinds, [&](const Kind& one) { return kind == one.name; });
    if (found == kKinds.end())
        return failure("there is no kind \"" + kind + "\"", 2);
    json items = found->make(state);
    const auto names = request.value("names", std::vector<std::string>());
    if (names.empty())
        return {{"ok", true}, {"items", std::move(items)}};
    json chosen = json::array();
    for (const std::string& name : names) {
        const size_t before = chosen.size();
        for (const json& item : items)
            if (is_named(item, name))
                chosen.push_back(item);
        if (chosen.size() == before)
            return failure("there is no " + name + " among the " + kind, 1);
    }
    return {{"ok", true}, {"items", std::move(chosen)}};
}

json diagnostics(const std::vector<source::Diagnostic>& list) {
    json result = json::array();
    for (const source::Diagnostic& one : list)
        result.push_back({{"file", one.file},
                          {"line", one.line},
                          {"object", one.object},
                          {"field", one.field},
                          {"message", one.message}});
    return result;
}

}  // namespace

json failure(const std::string& message, int exit_code) {
    return {{"ok", false}, {"error", message}, {"exit", exit_code}};
}

json refused(const AgentState& state) {
    json result = diagnostics(state.source->refusals());
    if (!state.commit_error.empty())
        result.push_back({{"file", ""}, {"line", 0}, {"object", ""}, {"field", ""}, {"message", state.commit_error}});
    for (const auto& [interface, error] : state.attach_errors)
        result.push_back({{"file", ""},
                          {"line", 0},
                          {"object", "interface " + interface},
                          {"field", ""},
                          {"message", "not attached, its packets are not judged: " + error}});
    return result;
}

json warnings(const AgentState& state) {
    return diagnostics(state.source->warnings());
}

json report(const AgentState& state, const json& request) {
    const std::string command = request.value("command", "");
    if (command == "status")
        return {{"ok", true}, {"status", report_status(state)}};
    if (command == "get")
        return get(state, request);
    return failure("there is no command \"" + command + "\"", 2);
}

}  // namespace catflap::agent
