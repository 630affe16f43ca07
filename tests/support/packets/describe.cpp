// SPDX-License-Identifier: Apache-2.0
#include "support/packets/describe.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <span>

namespace catflap::test {
namespace {

using View = std::span<const uint8_t>;

uint16_t be16(View bytes, size_t at) {
    return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

std::string hexadecimal(View bytes) {
    constexpr size_t kShown = 32;
    const View shown = bytes.first(std::min(bytes.size(), kShown));
    return fmt::format("{:02x}{}", fmt::join(shown, " "), bytes.size() > kShown ? " ..." : "");
}

std::string address(int family, const uint8_t* bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, bytes, text.data(), text.size());
    return text.data();
}

std::string tcp_flags(uint8_t flags) {
    constexpr std::array<const char*, 8> kNames = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    std::vector<std::string> set;
    for (size_t bit = 0; bit < kNames.size(); ++bit)
        if ((flags >> bit & 1) != 0)
            set.emplace_back(kNames[bit]);
    return fmt::format("[{}]", fmt::join(set, " "));
}

std::string ports(const char* name, View bytes) {
    return fmt::format("{} {} -> {}", name, be16(bytes, 0), be16(bytes, 2));
}

std::string describe_ip(View bytes);

// What an ICMP error quotes begins with the fifth word.
std::string icmp(const char* name, View bytes, bool is_error) {
    std::string text = fmt::format("{} type {} code {}", name, bytes[0], bytes[1]);
    if (is_error && bytes.size() > 8)
        text += fmt::format(" quoting ({})", describe_ip(bytes.subspan(8)));
    return text;
}

std::string describe_transport(uint8_t protocol, View bytes) {
    if (bytes.size() < 4)
        return fmt::format("protocol {} cut to {} bytes", protocol, bytes.size());
    switch (protocol) {
        case IPPROTO_TCP:
            return ports("TCP", bytes) + (bytes.size() > 13 ? " " + tcp_flags(bytes[13]) : "");
        case IPPROTO_UDP:
            return ports("UDP", bytes);
        case IPPROTO_SCTP:
            return ports("SCTP", bytes);
        case IPPROTO_ICMP:
            return icmp("ICMP", bytes, bytes[0] != 0 && bytes[0] != 8);
        case IPPROTO_ICMPV6:
            return icmp("ICMPv6", bytes, bytes[0] < 128);
        default:
            return fmt::format("protocol {}: {}", protocol, hexadecimal(bytes));
    }
}

std::string describe_ipv4(View bytes) {
    const size_t header = static_cast<size_t>(bytes[0] & 15) * 4;
    std::string text = fmt::format("IPv4 {} -> {}", address(AF_INET, &bytes[12]), address(AF_INET, &bytes[16]));
    const uint16_t fragment = be16(bytes, 6);
    if ((fragment & 0x3fff) != 0)
        text += fmt::format(", fragment at {}{}", (fragment & 0x1fff) * 8, (fragment & 0x2000) != 0 ? ", more" : "");
    if ((fragment & 0x1fff) != 0 || header < 20 || header > bytes.size())
        return fmt::format("{}, header of {} bytes, protocol {}", text, header, bytes[9]);
    return text + ", " + describe_transport(bytes[9], bytes.subspan(header));
}

// Extension headers by number; the fragment header's length is fixed, all others say theirs.
std::string describe_ipv6(View bytes) {
    std::string text = fmt::format("IPv6 {} -> {}", address(AF_INET6, &bytes[8]), address(AF_INET6, &bytes[24]));
    uint8_t next = bytes[6];
    View rest = bytes.subspan(40);
    while ((next == 0 || next == 43 || next == 44 || next == 51 || next == 60) && rest.size() >= 8) {
        size_t length = next == 44 ? 8 : next == 51 ? (rest[1] + 2U) * 4 : (rest[1] + 1U) * 8;
        text += fmt::format(", extension {}", next);
        if (next == 44) {
            text += fmt::format(" (fragment at {}{})", be16(rest, 2) & 0xfff8, (rest[3] & 1) != 0 ? ", more" : "");
            if ((be16(rest, 2) & 0xfff8) != 0)
                return text;
        }
        next = rest[0];
        length = std::min(length, rest.size());
        rest = rest.subspan(length);
    }
    return text + ", " + describe_transport(next, rest);
}

std::string describe_ip(View bytes) {
    if (bytes.size() >= 20 && bytes[0] >> 4 == 4)
        return describe_ipv4(bytes);
    if (bytes.size() >= 40 && bytes[0] >> 4 == 6)
        return describe_ipv6(bytes);
    return "no IP header: " + hexadecimal(bytes);
}

}  // namespace

std::string describe(const Bytes& frame) {
    constexpr size_t kEthernetBytes = 14;
    const View bytes(frame);
    if (bytes.size() < kEthernetBytes)
        return fmt::format("no Ethernet header: {}", hexadecimal(bytes));
    const uint16_t ethertype = be16(bytes, 12);
    const bool is_ip = ethertype == 0x0800 || ethertype == 0x86dd;
    const View rest = bytes.subspan(kEthernetBytes);
    return fmt::format("{}, {} bytes",
                       is_ip ? describe_ip(rest) : fmt::format("ethertype {:#06x}: {}", ethertype, hexadecimal(rest)),
                       frame.size());
}

}  // namespace catflap::test
