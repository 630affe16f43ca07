// SPDX-License-Identifier: Apache-2.0
// What the status says of the fast path between pods.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace catflap::report {

// The fast path to and from other nodes by this interface.
struct FastPathUplinkRow {
    std::string name;
    bool in = false;
    bool out = false;
    std::string refusal = {};  // why not both ways
};
// "", or how the sentence about the fast path goes on: "; other nodes by eth0", ...
std::string words_of(const std::vector<FastPathUplinkRow>& uplinks);

// Between pods of this node, and by the uplinks.
struct FastPathRow {
    std::string off;       // why there is none; ""
    std::string udp_only;  // why TCP does not take it; ""
    size_t pods = 0;       // that take it
    size_t of = 0;         // all pods here
    std::vector<FastPathUplinkRow> uplinks = {};
};

nlohmann::json to_json(const FastPathRow& row);
// The other way round.
std::vector<FastPathUplinkRow> fast_path_uplinks_from(const nlohmann::json& row);

}  // namespace catflap::report
