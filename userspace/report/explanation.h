// SPDX-License-Identifier: Apache-2.0
// `catflap explain`: a question about one new connection, and what policies say of it at each end. Plain values; who
// answers is the room explain.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace catflap::report {

// As it was typed.
struct Question {
    std::string from;  // "ns/pod", an address, "host"
    std::string to;
    std::string port;  // "80/tcp", "http/tcp", "icmp"
};

struct RuleName {
    std::string policy;     // "ns/name"
    std::string direction;  // "Ingress", "Egress"
    size_t index = 0;
};

// Of a policy that isolates and does not admit: the rule that was nearest to it.
struct Miss {
    std::string policy;
    std::optional<size_t> rule;  // nothing: it has none
    std::string reason;
};

// Why an end is allowed or dropped.
// accepted, denied: by a policy of the cluster.
enum class Ground : uint8_t { exempt, not_isolated, admitted, isolated, closed, accepted, denied };
const char* to_string(Ground ground);  // "exempt", "notIsolated", "admitted", "isolated", "closed", ...

// The egress of the pod that sends, or the ingress of the pod that receives.
struct EndVerdict {
    std::string direction;
    std::string pod;   // "ns/name"
    std::string node;  // "": not scheduled
    bool allowed = true;
    Ground ground = Ground::exempt;
    std::string sentence{};
    std::vector<std::string> isolated_by{};
    std::vector<RuleName> admitted_by{};
    std::vector<Miss> misses{};
    std::optional<bool> tables{};          // what the agent's loaded tables say; nothing: they were not asked
    std::vector<std::string> notes{};      // what is to be known besides, as where nothing enforces the verdict
    std::optional<RuleName> decided_by{};  // the rule of a policy of the cluster that accepts or denies
    std::vector<std::string> in_order{};   // policies of the cluster that were asked, in order, and what each said
};

// In one family of addresses.
struct Path {
    std::string source;  // an address; "": of a node without one
    std::string destination;
    bool allowed = true;
    std::vector<EndVerdict> ends{};  // at most one pod each, but for an address that two pods claim
};

struct Explanation {
    std::string from;
    std::string to;
    std::string protocol;  // "TCP", "ICMP"
    uint16_t port = 0;     // 0: the protocol has none
    bool allowed = true;   // on every path
    std::vector<Path> paths{};
    std::vector<std::string> notes{};
};

// Of a request. Missing fields are empty, and refused by who answers.
Question parse_question(const nlohmann::json& request);
nlohmann::json to_json(const Explanation& explanation);

}  // namespace catflap::report
