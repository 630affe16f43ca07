// SPDX-License-Identifier: Apache-2.0
#include "agent/report.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace catflap::agent {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 7> kKinds = {"endpoints", "policies", "rules", "sets", "flows", "drops", "maps"};

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
    if (std::ranges::find(kKinds, kind) == kKinds.end())
        return failure("there is no kind \"" + kind + "\"", 2);
    auto found = state.dataplane->items(state, kind);
    if (!found)
        return failure(found.error().message, 1);
    json items = std::move(*found);
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

json directions(const Policy& policy) {
    json result = json::array();
    if (policy.isolates_ingress)
        result.push_back("Ingress");
    if (policy.isolates_egress)
        result.push_back("Egress");
    return result;
}

size_t selected_endpoints(const AgentState& state, const Policy& policy) {
    const Cluster& cluster = state.source->cluster();
    return static_cast<size_t>(std::ranges::count_if(state.local.pods, [&](const ObjectName& name) {
        const auto pod = cluster.pods.find(name);
        return pod != cluster.pods.end() && name.ns == policy.name.ns && matches(policy.pods, pod->second.labels);
    }));
}

}  // namespace

json describe_policy(const AgentState& state, const Policy& policy) {
    return {{"kind", "NetworkPolicy"},
            {"namespace", policy.name.ns},
            {"name", policy.name.name},
            {"directions", directions(policy)},
            {"endpoints", selected_endpoints(state, policy)},
            {"rules", policy.ingress.size() + policy.egress.size()}};
}

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
    json result = diagnostics(state.source->warnings());
    for (const compile::MixedService& service : state.last_commit.report.mixed_services)
        result.push_back(
            {{"file", ""},
             {"line", 0},
             {"object", "Service " + service.frontend},
             {"field", ""},
             {"message", fmt::format("port {}/{}: the egress policy {}{} admits some of its backends and not "
                                     "others; pods that it selects cannot use this port",
                                     service.port, to_string(service.protocol), to_string(service.policies.front()),
                                     service.policies.size() > 1 ? " (with others)" : "")}});
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
