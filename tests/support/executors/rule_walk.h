// SPDX-License-Identifier: Apache-2.0
// A packet's way through rendered chains, as the kernel would walk them. It reads the rules' values, not their text.
#pragma once

#include <string>

#include "iptables/render/render.h"

namespace catflap::test {

struct WalkedPacket {
    std::string in_interface;
    std::string out_interface;  // "": to the node itself
    Address source;
    Address destination;
    uint8_t protocol = 6;
    uint16_t destination_port = 0;
    uint8_t icmpv6_type = 0;
    std::string state = "NEW";  // of its connection
};

// Of a built-in chain that holds our jump alone: whether the packet passes. What the chains leave alone passes.
bool passes(const iptables::State& state, const std::string& built_in, const WalkedPacket& packet);

}  // namespace catflap::test
