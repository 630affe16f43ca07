// SPDX-License-Identifier: Apache-2.0
#include "report/explanation.h"

#include <nlohmann/json.hpp>

namespace catflap::report {
namespace {

using nlohmann::json;

const char* verdict(bool allowed) {
    return allowed ? "allowed" : "dropped";
}

json name_of(const RuleName& rule) {
    return {{"policy", rule.policy}, {"direction", rule.direction}, {"index", rule.index}};
}

json to_json(const EndVerdict& end) {
    json admitted = json::array();
    for (const RuleName& rule : end.admitted_by)
        admitted.push_back(name_of(rule));
    json misses = json::array();
    for (const Miss& miss : end.misses) {
        misses.push_back({{"policy", miss.policy}, {"reason", miss.reason}});
        if (miss.rule)
            misses.back()["index"] = *miss.rule;
    }
    json result = {{"direction", end.direction},
                   {"pod", end.pod},
                   {"node", end.node},
                   {"verdict", verdict(end.allowed)},
                   {"ground", to_string(end.ground)},
                   {"sentence", end.sentence},
                   {"isolatedBy", end.isolated_by},
                   {"admittedBy", std::move(admitted)},
                   {"misses", std::move(misses)},
                   {"tables", end.tables ? verdict(*end.tables) : ""},
                   {"inOrder", end.in_order},
                   {"notes", end.notes}};
    if (end.decided_by)
        result["decidedBy"] = name_of(*end.decided_by);
    return result;
}

std::string text(const json& request, const char* field) {
    const auto found = request.find(field);
    return found != request.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

const char* to_string(Ground ground) {
    switch (ground) {
        case Ground::exempt:
            return "exempt";
        case Ground::not_isolated:
            return "notIsolated";
        case Ground::admitted:
            return "admitted";
        case Ground::isolated:
            return "isolated";
        case Ground::accepted:
            return "accepted";
        case Ground::denied:
            return "denied";
        case Ground::closed:
            break;
    }
    return "closed";
}

Question parse_question(const json& request) {
    return {text(request, "from"), text(request, "to"), text(request, "port")};
}

json to_json(const Explanation& explanation) {
    json paths = json::array();
    for (const Path& path : explanation.paths) {
        json ends = json::array();
        for (const EndVerdict& end : path.ends)
            ends.push_back(to_json(end));
        paths.push_back({{"source", path.source},
                         {"destination", path.destination},
                         {"verdict", verdict(path.allowed)},
                         {"ends", std::move(ends)}});
    }
    return {{"from", explanation.from},
            {"to", explanation.to},
            {"protocol", explanation.protocol},
            {"port", explanation.port},
            {"verdict", verdict(explanation.allowed)},
            {"paths", std::move(paths)},
            {"notes", explanation.notes}};
}

}  // namespace catflap::report
