// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace catflap::engine {

// "TCP", "UDP", "SCTP", "ICMP", "ICMPv6"; of others the number.
std::string protocol_name(uint8_t protocol);

}  // namespace catflap::engine
