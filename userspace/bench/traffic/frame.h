// SPDX-License-Identifier: Apache-2.0
// The bytes of the packets that the harness makes itself. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace catflap::bench {

using Bytes = std::vector<uint8_t>;

// Ethernet, IPv4, UDP without a checksum, 18 bytes: 60 bytes, 64 with the wire's checksum.
Bytes udp_frame(const char* source, const char* destination, unsigned source_port, unsigned destination_port);
// Keeps the IP header's checksum right.
void set_source_address(Bytes& frame, uint32_t address);
void set_macs(Bytes& frame, const std::array<uint8_t, 12>& macs);  // destination and source
void set_source_port(Bytes& frame, unsigned port);
void set_destination_port(Bytes& frame, unsigned port);
Bytes arp_frame();

}  // namespace catflap::bench
