// SPDX-License-Identifier: Apache-2.0
#include "support/packets/frame_oracle.h"

#include <algorithm>
#include <span>

namespace catflap::test {
namespace {

struct Undecodable {
    const char* why;
};

void require(bool condition, const char* otherwise) {
    if (!condition)
        throw Undecodable{otherwise};
}

// A piece of the frame. Nothing outside of it can be read.
class Piece {
  public:
    explicit Piece(std::span<const uint8_t> bytes) : bytes_(bytes) {}

    [[nodiscard]] size_t size() const { return bytes_.size(); }
    [[nodiscard]] uint8_t u8(size_t at) const {
        require(at < size(), "it ends before its headers do");
        return bytes_[at];
    }
    [[nodiscard]] uint16_t u16(size_t at) const { return static_cast<uint16_t>(u8(at) << 8 | u8(at + 1)); }
    [[nodiscard]] uint32_t u32(size_t at) const { return static_cast<uint32_t>(u16(at)) << 16 | u16(at + 2); }
    [[nodiscard]] Piece first(size_t count) const {
        require(count <= size(), "a length goes beyond the end");
        return Piece(bytes_.first(count));
    }
    [[nodiscard]] Piece from(size_t at) const {
        require(at <= size(), "a header goes beyond the end");
        return Piece(bytes_.subspan(at));
    }
    [[nodiscard]] Address ipv4_address(size_t at) const {
        Address address;
        address.bytes[10] = address.bytes[11] = 0xff;
        for (size_t i = 0; i < 4; ++i)
            address.bytes[12 + i] = u8(at + i);
        return address;
    }
    // RFC 4942, 2.2: an IPv4-mapped one on the wire would be taken for the IPv4 one.
    [[nodiscard]] Address ipv6_address(size_t at) const {
        Address address;
        for (size_t i = 0; i < 16; ++i)
            address.bytes[i] = u8(at + i);
        require(!address.is_ipv4(), "an IPv4-mapped address");
        return address;
    }

  private:
    std::span<const uint8_t> bytes_;
};

constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpv6 = 58, kSctp = 132;

// RFC 9293, 768, 792, 4443, 9260. 0: a protocol whose header decides nothing.
size_t header_bytes(uint8_t protocol) {
    switch (protocol) {
        case kTcp:
            return 20;
        case kSctp:
            return 12;
        case kUdp:
        case kIcmp:
        case kIcmpv6:
            return 8;
        default:
            return 0;
    }
}

bool is_error(bool ipv6, uint8_t type) {
    if (ipv6)
        return type >= 1 && type <= 4;                          // RFC 4443, 2.1, those that it defines
    return type == 3 || type == 4 || type == 11 || type == 12;  // RFC 792
}

bool is_echo(bool ipv6, uint8_t type) {
    return ipv6 ? type == 128 || type == 129 : type == 8 || type == 0;
}

// RFC 792, RFC 4443, 2.4 (c): the IP header of the packet that it is about, and the beginning of what was behind it.
Frame::Quoted read_quoted(const Piece& ip, bool ipv6) {
    Frame::Quoted quoted;
    require(ip.u8(0) >> 4 == (ipv6 ? 6 : 4), "a quoted packet of another version");
    if (!ipv6)
        require((ip.u8(0) & 15) >= 5, "a quoted packet with a short header");
    quoted.source = ipv6 ? ip.ipv6_address(8) : ip.ipv4_address(12);
    quoted.destination = ipv6 ? ip.ipv6_address(24) : ip.ipv4_address(16);
    const uint8_t protocol = ip.u8(ipv6 ? 6 : 9);
    const Piece behind = ip.from(ipv6 ? 40 : (ip.u8(0) & 15) * 4U);
    const bool icmp = protocol == kIcmp || protocol == kIcmpv6;
    if (header_bytes(protocol) > 0)
        (void)behind.first(icmp ? 8 : 4);  // the identifier, or the ports
    return quoted;
}

void read_icmp(const Piece& icmp, bool ipv6, uint8_t hop_limit, Frame& frame) {
    const uint8_t type = icmp.u8(0);
    const bool neighbour = type >= 133 && type <= 137 && hop_limit == 255;
    const bool listener = ((type >= 130 && type <= 132) || type == 143) && hop_limit == 1;
    if (ipv6 && (neighbour || listener) && frame.part == Frame::Part::whole)
        frame.discovery = type;
    if (is_error(ipv6, type))
        frame.quoted = read_quoted(icmp.from(8), ipv6);
    if (is_echo(ipv6, type))
        frame.source_port = frame.destination_port = icmp.u16(4);
}

void read_transport(const Piece& transport, bool ipv6, uint8_t hop_limit, Frame& frame) {
    (void)transport.first(header_bytes(frame.protocol));
    switch (frame.protocol) {
        case kTcp:
            require(transport.u8(12) >> 4 >= 5, "a TCP header that is shorter than itself");
            frame.asks_for_connection = (transport.u8(13) & 0x17) == 0x02;  // SYN, and none of ACK, RST, FIN
            [[fallthrough]];
        case kUdp:
        case kSctp:
            frame.source_port = transport.u16(0);
            frame.destination_port = transport.u16(2);
            return;
        case kIcmp:
        case kIcmpv6:
            require(frame.protocol == (ipv6 ? kIcmpv6 : kIcmp), "ICMP of the other family");
            return read_icmp(transport, ipv6, hop_limit, frame);
        default:
            return;
    }
}

// RFC 1858, RFC 3128: it must not write over the header by which its datagram is judged.
void read_later_fragment(size_t offset, Frame& frame) {
    frame.part = Frame::Part::later_fragment;
    require(offset >= header_bytes(frame.protocol), "a fragment that overwrites the ports");
}

// RFC 791, 3.1. A source route hides the destination (RFC 7126, 4.3 and 4.4).
void read_options(const Piece& options) {
    for (size_t at = 0; at < options.size();) {
        const uint8_t type = options.u8(at);
        if (type == 0)
            return;
        if (type == 1) {
            ++at;
            continue;
        }
        require(type != 131 && type != 137, "a source route");
        const uint8_t length = options.u8(at + 1);
        require(length >= 2 && at + length <= options.size(), "an option with a wrong length");
        at += length;
    }
}

void read_ipv4(const Piece& rest, Frame& frame) {
    require(rest.u8(0) >> 4 == 4, "not the version of its ethertype");
    const size_t header = (rest.u8(0) & 15) * 4U, total = rest.u16(2);
    require(header >= 20 && total >= header, "lengths that contradict each other");
    const Piece ip = rest.first(total);
    frame.source = ip.ipv4_address(12);
    frame.destination = ip.ipv4_address(16);
    frame.protocol = ip.u8(9);
    read_options(ip.first(header).from(20));
    frame.fragment_id = ip.u16(4);
    const size_t offset = (ip.u16(6) & 0x1fffU) * 8U;
    if (offset > 0)
        return read_later_fragment(offset, frame);
    if (ip.u16(6) & 0x2000)
        frame.part = Frame::Part::first_fragment;
    read_transport(ip.from(header), false, 0, frame);
}

// RFC 8200, 3 and 4; RFC 4302 for the authentication header.
void read_ipv6(const Piece& rest, Frame& frame) {
    require(rest.u8(0) >> 4 == 6, "not the version of its ethertype");
    const Piece ip = rest.first(40U + rest.u16(4));
    frame.source = ip.ipv6_address(8);
    frame.destination = ip.ipv6_address(24);
    frame.protocol = ip.u8(6);
    size_t at = 40;
    for (;; ++frame.extension_headers) {
        const Piece header = ip.from(at);
        if (frame.protocol == 44) {
            const uint16_t field = header.u16(2);
            frame.fragment_id = header.u32(4);
            at += 8;
            frame.protocol = header.u8(0);
            if (field & 0xfff8)
                return read_later_fragment(field & 0xfff8U, frame);
            if (field & 1)
                frame.part = Frame::Part::first_fragment;
        } else if (frame.protocol == 0 || frame.protocol == 43 || frame.protocol == 60) {
            require(frame.protocol != 43 || header.u8(3) == 0, "a route that is not finished");
            at += (header.u8(1) + 1U) * 8;
            frame.protocol = header.u8(0);
        } else if (frame.protocol == 51) {
            at += (header.u8(1) + 2U) * 4;
            frame.protocol = header.u8(0);
        } else {
            return read_transport(header, true, ip.u8(7), frame);
        }
    }
}

}  // namespace

Frame read_frame(const Bytes& bytes) {
    Frame frame;
    try {
        const Piece ethernet{bytes};
        switch (ethernet.u16(12)) {
            case 0x0800:
                read_ipv4(ethernet.from(14), frame);
                frame.kind = Frame::Kind::packet;
                break;
            case 0x86dd:
                read_ipv6(ethernet.from(14), frame);
                frame.kind = Frame::Kind::packet;
                break;
            case 0x0806:
                frame.kind = Frame::Kind::arp;
                break;
            default:
                frame.why = "neither IP nor ARP";
        }
    } catch (const Undecodable& error) {
        frame.why = error.why;
    }
    return frame;
}

std::string to_string(const Frame& frame) {
    if (frame.kind == Frame::Kind::undecodable)
        return "undecodable: " + frame.why;
    if (frame.kind == Frame::Kind::arp)
        return "ARP";
    const char* part = frame.part == Frame::Part::whole            ? ""
                       : frame.part == Frame::Part::first_fragment ? ", first fragment"
                                                                   : ", later fragment";
    std::string text = fmt::format("{}:{} -> {}:{} protocol {}{}", catflap::to_string(frame.source), frame.source_port,
                                   catflap::to_string(frame.destination), frame.destination_port, frame.protocol, part);
    if (frame.discovery)
        text += fmt::format(", discovery {}", *frame.discovery);
    if (frame.quoted)
        text += fmt::format(", an error about {} -> {}", catflap::to_string(frame.quoted->source),
                            catflap::to_string(frame.quoted->destination));
    return text;
}

}  // namespace catflap::test
