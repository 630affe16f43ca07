// SPDX-License-Identifier: Apache-2.0
#include "report/fast_path.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace catflap::report {

using nlohmann::json;

std::string words_of(const std::vector<FastPathUplinkRow>& uplinks) {
    std::string taken;
    std::string refused;
    for (const FastPathUplinkRow& uplink : uplinks) {
        if (uplink.in && uplink.out)
            taken += (taken.empty() ? "" : ", ") + uplink.name;
        else if (uplink.in || uplink.out)
            taken += fmt::format("{}{} ({} only: {})", taken.empty() ? "" : ", ", uplink.name, uplink.in ? "in" : "out",
                                 uplink.refusal);
        else
            refused += fmt::format("; not by {}: {}", uplink.name, uplink.refusal);
    }
    return (taken.empty() ? "" : "; other nodes by " + taken) + refused;
}

json to_json(const FastPathRow& row) {
    const char* state = !row.off.empty() ? "off" : !row.udp_only.empty() ? "udp" : "on";
    json uplinks = json::array();
    for (const FastPathUplinkRow& uplink : row.uplinks)
        uplinks.push_back({{"name", uplink.name}, {"in", uplink.in}, {"out", uplink.out}, {"refusal", uplink.refusal}});
    return {{"state", state},
            {"reason", row.off.empty() ? row.udp_only : row.off},
            {"pods", row.pods},
            {"podsOfNode", row.of},
            {"uplinks", std::move(uplinks)}};
}

std::vector<FastPathUplinkRow> fast_path_uplinks_from(const json& row) {
    std::vector<FastPathUplinkRow> uplinks;
    for (const json& uplink : row.value("uplinks", json::array()))
        uplinks.push_back({uplink.value("name", ""), uplink.value("in", false), uplink.value("out", false),
                           uplink.value("refusal", "")});
    return uplinks;
}

}  // namespace catflap::report
