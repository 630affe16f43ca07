// SPDX-License-Identifier: Apache-2.0
// Packets in the order in which they are written on the wire:
//
//   const Bytes frame = Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = "10.0.0.2"} / Tcp{.destination_port =
//   80};
//
// Every field has a default that makes a valid packet; a test names only what it is about. Lengths, ethertypes and
// protocol numbers are filled in from what follows, unless they are set.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace catflap::test {

using Bytes = std::vector<uint8_t>;

struct Ethernet {
    std::optional<uint16_t> ethertype = {};
};

struct Ipv4 {
    std::string source = "192.0.2.1";
    std::string destination = "192.0.2.2";
    std::optional<uint8_t> protocol = {};
    std::optional<uint16_t> total_bytes = {};
    uint8_t version = 4;
    std::optional<uint8_t> header_words = {};
    Bytes options = {};  // padded to 4 bytes
    uint16_t id = 1;
    uint16_t fragment_offset_bytes = 0;
    bool more_fragments = false;
};

struct Ipv6 {
    std::string source = "2001:db8::1";
    std::string destination = "2001:db8::2";
    std::optional<uint8_t> next_header = {};
    std::optional<uint16_t> payload_bytes = {};
    uint8_t hop_limit = 64;
};

// Hop-by-hop (0), routing (43), authentication (51) or destination (60) header of `bytes` bytes.
struct Ipv6Extension {
    uint8_t type = 60;
    uint16_t bytes = 8;
    uint8_t segments_left = 0;  // routing only
    std::optional<uint8_t> next_header = {};
};

struct Ipv6Fragment {
    uint16_t offset_bytes = 0;
    bool more_fragments = true;
    uint32_t id = 1;
    std::optional<uint8_t> next_header = {};
};

constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;

struct Tcp {
    uint16_t source_port = 40000;
    uint16_t destination_port = 80;
    uint8_t flags = kSyn;
    uint8_t header_words = 5;
};

struct Udp {
    uint16_t source_port = 40000;
    uint16_t destination_port = 53;
};

struct Sctp {
    uint16_t source_port = 40000;
    uint16_t destination_port = 36412;
};

// Type, code and the two bytes behind the checksum (echo: the identifier).
struct Icmp {
    uint8_t type = 8;
    uint8_t code = 0;
    uint16_t identifier = 7;
};

struct Icmpv6 {
    uint8_t type = 128;
    uint8_t code = 0;
    uint16_t identifier = 7;
};

struct Payload {
    Bytes bytes = Bytes(16, 0xab);
};

// One layer: puts itself in front of what follows. `following` is the protocol number (or ethertype) of that.
struct Layer {
    uint16_t number = 0;  // by which the layer in front names this one
    std::function<Bytes(const Bytes& rest, uint16_t following)> encode;
};

Layer layer(const Ethernet& header);
Layer layer(const Ipv4& header);
Layer layer(const Ipv6& header);
Layer layer(const Ipv6Extension& header);
Layer layer(const Ipv6Fragment& header);
Layer layer(const Tcp& header);
Layer layer(const Udp& header);
Layer layer(const Sctp& header);
Layer layer(const Icmp& header);
Layer layer(const Icmpv6& header);
Layer layer(const Payload& header);

class Packet {
  public:
    explicit Packet(Layer first) { layers_.push_back(std::move(first)); }
    Packet& append(Layer next) {
        layers_.push_back(std::move(next));
        return *this;
    }
    [[nodiscard]] Bytes bytes() const;
    operator Bytes() const { return bytes(); }  // NOLINT: a packet is its bytes

  private:
    std::vector<Layer> layers_;
};

template <class Header>
concept HasLayer = requires(const Header& header) {
    layer(header);
};

template <HasLayer First, HasLayer Second>
Packet operator/(const First& first, const Second& second) {
    return Packet(layer(first)).append(layer(second));
}

template <HasLayer Next>
Packet operator/(Packet packet, const Next& next) {
    return packet.append(layer(next));
}

// What an ICMP error quotes: the packet without its Ethernet header, cut to `limit` bytes.
Payload quote(const Packet& packet, size_t limit = 28);

}  // namespace catflap::test
