// SPDX-License-Identifier: Apache-2.0
#include "agent/report_lifecycle.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "agent/report.h"

namespace catflap::agent {
namespace {

using nlohmann::json;

json mends(const AgentState& state) {
    json result = json::object();
    for (size_t kind = 0; kind < state.mends.size(); ++kind) {
        const Mend& mend = state.mends[kind];
        result[kMendNames[kind]] = {{"count", mend.count}, {"last", mend.last ? rfc3339(*mend.last) : ""}};
    }
    return result;
}

json starting(const AgentState& state) {
    const Starting& starting = state.starting;
    return {{"error", starting.error},
            {"attempts", starting.attempts},
            {"nextAttemptAt", rfc3339(starting.next_attempt)},
            {"onFailure", state.options.on_failure == OnFailure::open ? "open" : "closed"},
            {"interfacesOpen", starting.open || (wants_guard(state.options) && !state.guard_error.empty())}};
}

}  // namespace

std::string rfc3339(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text.data();
}

std::string kernel_release() {
    utsname name{};
    return uname(&name) == 0 ? name.release : "";
}

json report_lifecycle(const AgentState& state) {
    json result = {{"state", state.enforcing ? "enforcing" : "starting"},
                   {"pins", {{"error", state.pin_error}}},
                   {"mends", mends(state)}};
    if (!state.enforcing)
        result["starting"] = starting(state);
    return result;
}

json report_starting(const AgentState& state, const json& request) {
    if (request.value("command", "") == "status")
        return {{"ok", true}, {"status", report_status(state)}};
    return failure("not enforcing yet: " + state.starting.error, 1);
}

}  // namespace catflap::agent
