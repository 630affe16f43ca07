// SPDX-License-Identifier: Apache-2.0
#include "cli/problems.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/diagnostics.h"

namespace catflap::cli {

using nlohmann::json;

std::vector<std::string> problems_of(const json& status) {
    const auto text = [&](const char* pointer) { return status.value(json::json_pointer(pointer), std::string()); };
    std::vector<std::string> problems;
    if (text("/source/state") == "stale")
        problems.push_back(
            fmt::format("the source cannot be read, what it held last is enforced: {}", text("/source/error")));
    if (const std::string error = text("/guard/error"); !error.empty())
        problems.push_back(fmt::format("new interfaces are open until they are attached: {}", error));
    for (const auto& refused : diagnostics_from(status.value("refused", json::array())))
        if (refused.file.empty())  // the agent's own: a state that does not fit, an interface that is not attached
            problems.push_back(to_string(refused));
    if (const auto unknown = status.value(json::json_pointer("/counts/unknownEndpoints"), 0); unknown > 0)
        problems.push_back(
            fmt::format("{} interfaces have no pod in the source, and everything on them is dropped: "
                        "catflap get endpoints",
                        unknown));
    if (const size_t pods = status.value("unenforced", json::array()).size(); pods > 0)
        problems.push_back(fmt::format("{} pods that a policy selects are not enforced", pods));
    return problems;
}

}  // namespace catflap::cli
