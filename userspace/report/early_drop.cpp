// SPDX-License-Identifier: Apache-2.0
#include "report/early_drop.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace catflap::report {
namespace {

constexpr const char* kNoUplinks =
    "no interface is an uplink: none that is up, has Ethernet frames and is not a pod's has a route to a gateway";

size_t count_attached(const EarlyDropRow& row) {
    return static_cast<size_t>(
        std::ranges::count_if(row.uplinks, [](const UplinkRow& uplink) { return uplink.refusal.empty(); }));
}

// "": it is on somewhere.
std::string reason_of(const EarlyDropRow& row) {
    if (!row.off.empty())
        return row.off;
    if (row.uplinks.empty())
        return kNoUplinks;
    std::vector<std::string> refusals;
    for (const UplinkRow& uplink : row.uplinks)
        if (!uplink.refusal.empty())
            refusals.push_back(fmt::format("{}: {}", uplink.name, uplink.refusal));
    return fmt::format("{}", fmt::join(refusals, "; "));
}

}  // namespace

nlohmann::json to_json(const EarlyDropRow& row) {
    const size_t attached = row.off.empty() ? count_attached(row) : 0;
    nlohmann::json uplinks = nlohmann::json::array();
    for (const UplinkRow& uplink : row.uplinks)
        uplinks.push_back({{"name", uplink.name}, {"refusal", uplink.refusal}});
    return {{"state", attached == 0                   ? "off"
                      : attached < row.uplinks.size() ? "partly"
                                                      : "on"},
            {"reason", reason_of(row)},
            {"hook", row.hook},
            {"uplinks", std::move(uplinks)}};
}

std::string words_of(const EarlyDropRow& row) {
    std::vector<std::string> names;
    for (const UplinkRow& uplink : row.uplinks)
        if (uplink.refusal.empty())
            names.push_back(uplink.name);
    const std::string reason = reason_of(row);
    if (!row.off.empty() || names.empty())
        return "off: " + reason;
    return fmt::format("on for {} ({}){}{}", fmt::join(names, ", "), row.hook, reason.empty() ? "" : "; not for ",
                       reason);
}

}  // namespace catflap::report
