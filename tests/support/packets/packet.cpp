// SPDX-License-Identifier: Apache-2.0
#include "support/packets/packet.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <array>
#include <stdexcept>

namespace catflap::test {
namespace {

void put16(Bytes& bytes, uint32_t value) {
    bytes.push_back(static_cast<uint8_t>(value >> 8));
    bytes.push_back(static_cast<uint8_t>(value));
}

void put32(Bytes& bytes, uint32_t value) {
    put16(bytes, value >> 16);
    put16(bytes, value & 0xffff);
}

void put_address(Bytes& bytes, int family, const std::string& text) {
    std::array<uint8_t, 16> address{};
    if (inet_pton(family, text.c_str(), address.data()) != 1)
        throw std::invalid_argument("not an address of this family: " + text);
    bytes.insert(bytes.end(), address.begin(), address.begin() + (family == AF_INET ? 4 : 16));
}

Bytes join(Bytes front, const Bytes& rest) {
    front.insert(front.end(), rest.begin(), rest.end());
    return front;
}

// Of a layer that ends the packet, as IP names it: nothing follows, so anything will do.
uint8_t protocol_or(const std::optional<uint8_t>& set, uint16_t following) {
    return set.value_or(static_cast<uint8_t>(following));
}

Bytes ports(uint16_t source, uint16_t destination) {
    Bytes bytes;
    put16(bytes, source);
    put16(bytes, destination);
    return bytes;
}

}  // namespace

Layer layer(const Ethernet& header) {
    return {0, [header](const Bytes& rest, uint16_t following) {
                Bytes bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
                put16(bytes, header.ethertype.value_or(following));
                return join(bytes, rest);
            }};
}

Layer layer(const Ipv4& header) {
    return {ETH_P_IP, [header](const Bytes& rest, uint16_t following) {
                Bytes options = header.options;
                options.resize((options.size() + 3) / 4 * 4);
                const size_t header_bytes = 20 + options.size();
                Bytes bytes;
                bytes.push_back(static_cast<uint8_t>(
                    header.version << 4 | header.header_words.value_or(static_cast<uint8_t>(header_bytes / 4))));
                bytes.push_back(0);
                put16(bytes, header.total_bytes.value_or(static_cast<uint16_t>(header_bytes + rest.size())));
                put16(bytes, header.id);
                put16(bytes, (header.more_fragments ? 0x2000U : 0U) | header.fragment_offset_bytes / 8U);
                bytes.push_back(64);
                bytes.push_back(protocol_or(header.protocol, following));
                put16(bytes, 0);
                put_address(bytes, AF_INET, header.source);
                put_address(bytes, AF_INET, header.destination);
                return join(join(bytes, options), rest);
            }};
}

Layer layer(const Ipv6& header) {
    return {ETH_P_IPV6, [header](const Bytes& rest, uint16_t following) {
                Bytes bytes = {0x60, 0, 0, 0};
                put16(bytes, header.payload_bytes.value_or(static_cast<uint16_t>(rest.size())));
                bytes.push_back(protocol_or(header.next_header, following));
                bytes.push_back(header.hop_limit);
                put_address(bytes, AF_INET6, header.source);
                put_address(bytes, AF_INET6, header.destination);
                return join(bytes, rest);
            }};
}

Layer layer(const Ipv6Extension& header) {
    return {header.type, [header](const Bytes& rest, uint16_t following) {
                const int unit = header.type == IPPROTO_AH ? 4 : 8;
                const int less = header.type == IPPROTO_AH ? 2 : 1;
                Bytes bytes = {protocol_or(header.next_header, following),
                               static_cast<uint8_t>(header.bytes / unit - less), 0, header.segments_left};
                bytes.resize(header.bytes);
                return join(bytes, rest);
            }};
}

Layer layer(const Ipv6Fragment& header) {
    return {IPPROTO_FRAGMENT, [header](const Bytes& rest, uint16_t following) {
                Bytes bytes = {protocol_or(header.next_header, following), 0};
                put16(bytes, header.offset_bytes | (header.more_fragments ? 1U : 0U));
                put32(bytes, header.id);
                return join(bytes, rest);
            }};
}

Layer layer(const Tcp& header) {
    return {IPPROTO_TCP, [header](const Bytes& rest, uint16_t) {
                Bytes bytes = ports(header.source_port, header.destination_port);
                put32(bytes, 1000);
                put32(bytes, 0);
                bytes.push_back(static_cast<uint8_t>(header.header_words << 4));
                bytes.push_back(header.flags);
                put16(bytes, 65535);
                put32(bytes, 0);
                return join(bytes, rest);
            }};
}

Layer layer(const Udp& header) {
    return {IPPROTO_UDP, [header](const Bytes& rest, uint16_t) {
                Bytes bytes = ports(header.source_port, header.destination_port);
                put16(bytes, static_cast<uint32_t>(8 + rest.size()));
                put16(bytes, 0);
                return join(bytes, rest);
            }};
}

Layer layer(const Sctp& header) {
    return {IPPROTO_SCTP, [header](const Bytes& rest, uint16_t) {
                Bytes bytes = ports(header.source_port, header.destination_port);
                put32(bytes, 0);
                put32(bytes, 0);
                return join(bytes, rest);
            }};
}

namespace {

Bytes icmp(uint8_t type, uint8_t code, uint16_t identifier, const Bytes& rest) {
    Bytes bytes = {type, code, 0, 0};
    put16(bytes, identifier);
    put16(bytes, 1);
    return join(bytes, rest);
}

}  // namespace

Layer layer(const Icmp& header) {
    return {IPPROTO_ICMP,
            [header](const Bytes& rest, uint16_t) { return icmp(header.type, header.code, header.identifier, rest); }};
}

Layer layer(const Icmpv6& header) {
    return {IPPROTO_ICMPV6,
            [header](const Bytes& rest, uint16_t) { return icmp(header.type, header.code, header.identifier, rest); }};
}

Layer layer(const Payload& header) {
    return {IPPROTO_NONE, [header](const Bytes& rest, uint16_t) { return join(header.bytes, rest); }};
}

Bytes Packet::bytes() const {
    Bytes bytes;
    uint16_t following = IPPROTO_NONE;
    for (auto one = layers_.rbegin(); one != layers_.rend(); ++one) {
        bytes = one->encode(bytes, following);
        following = one->number;
    }
    return bytes;
}

Payload quote(const Packet& packet, size_t limit) {
    Bytes bytes = packet.bytes();
    bytes.erase(bytes.begin(), bytes.begin() + ETH_HLEN);
    bytes.resize(std::min(bytes.size(), limit));
    return {bytes};
}

}  // namespace catflap::test
