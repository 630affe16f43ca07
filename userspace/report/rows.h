// SPDX-License-Identifier: Apache-2.0
// What one row of `catflap get KIND` holds, for each kind: facts in words and numbers, whichever engine knows them. The
// JSON of a row is a contract (docs/cli.md), and is made by to_json() alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "report/counts.h"

namespace catflap::report {

enum class EndpointState : uint8_t { enforced, unknown, no_address, not_attached };

struct EndpointRow {
    std::string interface;
    uint32_t ifindex = 0;
    std::string ns;  // "" like pod and uid: no pod is known for the interface
    std::string pod;
    std::string uid;
    EndpointState state = EndpointState::enforced;
    std::vector<std::string> addresses;
    AllowedAndDropped from_pod;
    AllowedAndDropped to_pod;
    uint32_t slot = 0;
    uint32_t generation = 0;
    std::string attached_by;  // "": it is not
    std::string fast_path;    // "tcp,udp", "udp", or why none
    std::vector<std::string> ingress_policies;
    std::vector<std::string> egress_policies;
};

struct PolicyRow {
    std::string kind = "NetworkPolicy";
    std::string ns;  // "": of the cluster
    std::string name;
    std::string tier = "default";
    std::optional<uint32_t> priority;  // as written
    std::optional<size_t> rank;        // in its tier, from 1 on; nothing: all stand side by side, as NetworkPolicies do
    bool isolates_ingress = false;
    bool isolates_egress = false;
    size_t endpoints = 0;  // local ones that it selects
    size_t rules = 0;      // as the manifest has them
    bool stands_in = false;
    CountedByDirection counted;
};

struct RuleRow {
    std::string policy_kind = "NetworkPolicy";
    std::string policy_ns;
    std::string policy;
    std::string direction;
    uint32_t index = 0;
    std::string action = "Allow";  // "Deny", "Pass"
    std::vector<std::string> peers;
    std::vector<std::string> ports;
    size_t endpoints = 0;
    AllowedAndDropped counted;  // what passes on is not counted
};

struct SetRow {
    std::string name;
    std::string kind;               // "pods", "ipBlock", "namedPort"
    std::vector<uint32_t> classes;  // sorted
    size_t addresses = 0;
    std::vector<std::string> members;  // sorted; of this page
    bool continued = false;            // an earlier row of the same set has the first of its members
};

struct FlowRow {
    std::string ns;
    std::string pod;
    std::string interface;
    std::string remote;
    uint16_t remote_port = 0;
    uint16_t local_port = 0;
    std::string protocol;
    std::string opener;
    std::string state;
    std::optional<int64_t> idle_s;  // nothing: not known
    int64_t expires_in_s = 0;
    uint32_t generation = 0;
    bool stale = false;
    std::string rule;
};

struct DropRow {
    std::string reason;
    std::string sentence;
    Counted dropped;
};

struct MapRow {
    std::string name;
    std::string type;
    uint32_t key_bytes = 0;
    uint32_t value_bytes = 0;
    size_t entries = 0;
    bool estimated = false;
    bool fixed = false;  // it has all of its entries from the start
    size_t max_entries = 0;
    uint64_t memory_bytes = 0;
    double fill_percent = 0;
    std::string note;
    std::string pinned;  // where; "": it is not
};

using Row = std::variant<EndpointRow, PolicyRow, RuleRow, SetRow, FlowRow, DropRow, MapRow>;

nlohmann::json to_json(const Row& row);

}  // namespace catflap::report
