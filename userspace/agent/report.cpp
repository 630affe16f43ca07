// SPDX-License-Identifier: Apache-2.0
#include "agent/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/facts.h"
#include "report/page.h"

namespace catflap::agent {
namespace {

using nlohmann::json;

json get(const AgentState& state, const json& request) {
    auto query = report::parse_query(request);
    if (!query)
        return failure(query.error().message, 2);
    if (!state.dataplane || !state.source)
        return failure("the agent is starting, and has nothing to show yet: see catflap status", 1);
    report::Page page(std::move(*query));
    if (auto done = state.dataplane->list(state, page); !done)
        return failure(done.error().message, 1);
    json answer = std::move(page).answer();
    answer["mode"] = to_string(state.options.mode);
    answer["state"] = state.commits;
    return answer;
}

json to_json(const source::Diagnostic& diagnostic) {
    return {{"file", diagnostic.file},
            {"line", diagnostic.line},
            {"object", diagnostic.object},
            {"field", diagnostic.field},
            {"message", diagnostic.message}};
}

// Of no file.
json of_object(const std::string& object, const std::string& message) {
    source::Diagnostic diagnostic;
    diagnostic.object = object;
    diagnostic.message = message;
    return to_json(diagnostic);
}

std::string what_mixes(const compile::MixedService& service) {
    return fmt::format(
        "port {}/{}: the egress policy {}{} admits some of its backends and not others; pods that it selects cannot use "
        "this port",
        service.port, to_string(service.protocol), to_string(service.policies.front()),
        service.policies.size() > 1 ? " (with others)" : "");
}

}  // namespace

json failure(const std::string& message, int exit_code) {
    return {{"ok", false}, {"error", message}, {"exit", exit_code}};
}

json refused(const AgentState& state) {
    json result = json::array();
    for (const source::Diagnostic& refusal : state.source->refusals()) {
        if (result.size() == kMaxNamed)
            break;
        json& item = result.emplace_back(to_json(refusal));
        if (const auto outcome = outcome_of(state, refusal); outcome)
            item["outcome"] = report::to_string(*outcome);
    }
    if (!state.commit_error.empty())
        result.push_back(of_object("", state.commit_error));
    for (const compile::Refusal& one : state.not_admitted) {
        if (result.size() == kMaxNamed)
            break;
        json& item = result.emplace_back(of_object(to_string(one), "does not fit on this node: " + one.reason));
        item["outcome"] = report::to_string(one.kind == "Pod" ? report::Outcome::nothing : report::Outcome::isolated);
    }
    for (const auto& [interface, error] : state.attach_errors)
        result.push_back(of_object("interface " + interface, "not attached, its packets are not judged: " + error));
    return result;
}

json warnings(const AgentState& state) {
    json result = json::array();
    for (const source::Diagnostic& warning : state.source->warnings()) {
        if (result.size() == kMaxNamed)
            break;
        result.push_back(to_json(warning));
    }
    for (const compile::MixedService& service : state.last_commit.report.mixed_services) {
        if (result.size() >= 2 * kMaxNamed)
            break;
        result.push_back(of_object("Service " + service.frontend, what_mixes(service)));
    }
    return result;
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
