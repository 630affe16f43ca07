// SPDX-License-Identifier: Apache-2.0
// Port classes: (protocol, destination port) pairs that lie in exactly the same ranges of the rules in use.
#pragma once

#include <compare>
#include <cstdint>
#include <set>
#include <vector>

#include "resolve/resolve.h"

namespace catflap::compile {

// The ranges that hold the ports of the class. Protocol none: class 0, what has no ports.
struct PortClass {
    bool has_ports = false;
    Protocol protocol = Protocol::tcp;
    std::vector<resolve::PortRange> ranges;  // sorted

    auto operator<=>(const PortClass&) const = default;
};

// A run of ports with one class.
struct PortSegment {
    Protocol protocol = Protocol::tcp;
    uint16_t first = 0;
    uint16_t last = 0;
    PortClass port_class;
};

// Segments of all three protocols, sorted, without gaps: 0 to 65535 each.
std::vector<PortSegment> classify_ports(const std::set<resolve::PortRange>& ranges);

}  // namespace catflap::compile
