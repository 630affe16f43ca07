// SPDX-License-Identifier: Apache-2.0
// What a frame is, by the RFCs: slow, obvious, and sharing nothing with bpf/. It asks for what decides (addresses,
// protocol, ports, whose error it is), each where the RFC has it and inside the lengths that the headers state; what
// decides nothing (checksums, lengths of UDP and TCP options) it leaves to those who receive it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/address.h"
#include "support/packets/packet.h"

namespace catflap::test {

struct Frame {
    enum class Kind { undecodable, arp, packet };
    enum class Part { whole, first_fragment, later_fragment };
    struct Quoted {
        Address source, destination;
    };

    Kind kind = Kind::undecodable;
    std::string why;  // undecodable: what is wrong with it

    // Of a packet:
    Address source, destination;
    uint8_t protocol = 0;  // behind all IPv6 extension headers
    // TCP, UDP, SCTP; ICMP echo: both are the identifier; else, and of later fragments: 0.
    uint16_t source_port = 0, destination_port = 0;
    bool asks_for_connection = false;  // TCP: a SYN that answers none
    Part part = Part::whole;
    uint32_t fragment_id = 0;
    size_t extension_headers = 0;
    // The ICMPv6 type, where this is neighbour discovery or multicast listener discovery as no router forwards it
    // (RFC 4861: hop limit 255; RFC 2710, 3810: 1; RFC 6980: not in fragments).
    std::optional<uint8_t> discovery;
    std::optional<Quoted> quoted;  // ICMP errors: the packet that they are about
};

Frame read_frame(const Bytes& frame);

// In one line, for people.
std::string to_string(const Frame& frame);

}  // namespace catflap::test
