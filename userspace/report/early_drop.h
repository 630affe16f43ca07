// SPDX-License-Identifier: Apache-2.0
// What `catflap status` and the log say of early drop on the uplinks.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace catflap::report {

struct UplinkRow {
    std::string name;
    std::string refusal;  // why it has no program; ""
};

struct EarlyDropRow {
    std::string off;  // why there is none at all; ""
    std::string hook;
    std::vector<UplinkRow> uplinks;
};

nlohmann::json to_json(const EarlyDropRow& row);
// A line: "on for eth0 (tc)".
std::string words_of(const EarlyDropRow& row);

}  // namespace catflap::report
