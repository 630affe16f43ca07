// SPDX-License-Identifier: Apache-2.0
// One rule of a chain of the filter table as a value, and as the text that iptables-restore takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/address.h"
#include "model/policy.h"
#include "resolve/resolve.h"

namespace catflap::iptables {

enum class Side : uint8_t { source, destination };

struct NetMatch {
    Side side = Side::source;
    Prefix net;

    bool operator==(const NetMatch&) const = default;
};

struct SetMatch {
    std::string set;
    std::string columns;  // "src", "dst", or "dst,dst": address and port of the destination

    bool operator==(const SetMatch&) const = default;
};

struct MarkMatch {
    uint32_t bits = 0;
    bool set = false;  // all of them are set; or all are clear

    bool operator==(const MarkMatch&) const = default;
};

struct PortSpan {
    uint16_t first = 0;
    uint16_t last = 0;

    auto operator<=>(const PortSpan&) const = default;
};

// What a packet must be for the rule to apply. What is empty is not looked at.
struct Match {
    std::string in_interface = {};  // "cali+": every one that begins with cali
    std::string out_interface = {};
    std::string protocol = {};  // "tcp", "ipv6-icmp", a number
    std::optional<NetMatch> net = {};
    std::vector<SetMatch> sets = {};   // all of them
    std::vector<PortSpan> ports = {};  // of the destination; at most 15 slots, a range takes two
    uint8_t icmpv6_type = 0;
    std::string states = {};  // of the connection: "RELATED,ESTABLISHED"
    std::optional<MarkMatch> mark = {};

    bool operator==(const Match&) const = default;
};

enum class Verb : uint8_t { accept, drop, return_to_caller, jump, go_to, set_mark, clear_mark };

struct Target {
    Verb verb = Verb::accept;
    std::string chain = {};  // of jump and go_to
    uint32_t bits = 0;       // of set_mark and clear_mark

    bool operator==(const Target&) const = default;
};

// Whose packets the rule's counter counts: those that a policy's rule admits, or those that no policy of a pod does.
struct Credit {
    resolve::Direction direction = resolve::Direction::ingress;
    std::vector<ObjectName> policies = {};
    bool denied = false;
    uint32_t index = 0;  // of the admitting rule in its policy

    auto operator<=>(const Credit&) const = default;
};

struct Rule {
    Match match = {};
    Target target = {};
    std::string note = {};  // a second comment, for people
    std::optional<Credit> credit = {};

    bool operator==(const Rule&) const = default;
};

// "-p tcp -m multiport --dports 80 -j ACCEPT": without the chain and without the hash.
std::string to_string(const Rule& rule);

// A chain's rules, each with the hash that its comment carries.
struct HashedRule {
    Rule rule;
    std::string text;
    std::string hash;
};
struct Chain {
    std::string name;
    std::vector<HashedRule> rules;

    // The next rule's hash depends on everything in front of it.
    void append(Rule rule);
};
// "-A cali-FORWARD -m comment --comment "cali:..." ...".
std::string append_line(const Chain& chain, const HashedRule& rule);

}  // namespace catflap::iptables
