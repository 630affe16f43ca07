// SPDX-License-Identifier: Apache-2.0
#include "support/packets/frame_generator.h"

#include <algorithm>
#include <array>

namespace catflap::test {
namespace {

constexpr std::array<uint16_t, 6> kPorts = {80, 80, 53, 8472, 4789, 40000};
constexpr std::array<const char*, 5> kAddresses4 = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "192.0.2.9", "0.0.0.0"};
constexpr std::array<const char*, 7> kAddresses6 = {"fd00::1", "fd00::2",     "fd00::3", "fe80::1",
                                                    "ff02::1", "2001:db8::9", "::"};
constexpr std::array<uint8_t, 14> kProtocols = {0, 4, 6, 17, 41, 43, 44, 47, 50, 51, 58, 60, 132, 255};

struct Ends {
    std::string source, destination;
};

// Mostly what the policy has an opinion on: from web, or from its client to it.
Ends random_ends(Random& random, bool ipv6) {
    const auto any = [&]() -> std::string { return ipv6 ? random.pick(kAddresses6) : random.pick(kAddresses4); };
    const std::string web = ipv6 ? "fd00::1" : "10.0.0.1", client = ipv6 ? "fd00::2" : "10.0.0.2";
    if (random.chance(40))
        return {web, any()};
    return random.chance(60) ? Ends{client, web} : Ends{any(), any()};
}

Ipv4 random_ipv4(Random& random, const Ends& ends) {
    Ipv4 ip{.source = ends.source, .destination = ends.destination};
    if (random.chance(15)) {
        static const std::vector<Bytes> lists = {
            Bytes(40, 1),     {7, 7, 4, 0, 0, 0, 0, 0}, {1, 131, 7, 4, 10, 0, 0, 3},
            {148, 4, 0, 0},   {0, 131, 7, 4},           {68, 8, 5, 0, 0, 0, 0, 0, 137, 3, 4},
            {148, 4, 0, 0, 1}};
        ip.options = random.pick(lists);
    }
    if (random.chance(5))
        ip.protocol = random.pick(kProtocols);
    if (random.chance(12)) {
        ip.id = static_cast<uint16_t>(random.below(4));
        ip.more_fragments = random.chance(60);
        ip.fragment_offset_bytes = static_cast<uint16_t>(random.below(6) * 8);
    }
    return ip;
}

Packet add_extensions(Random& random, Packet packet) {
    constexpr std::array<uint8_t, 4> types = {0, 43, 51, 60};
    while (random.chance(25)) {
        if (random.chance(30))
            packet = packet / Ipv6Fragment{.offset_bytes = static_cast<uint16_t>(random.below(6) * 8),
                                           .more_fragments = random.chance(60),
                                           .id = static_cast<uint32_t>(random.below(4))};
        else
            packet = packet / Ipv6Extension{.type = random.pick(types),
                                            .bytes = static_cast<uint16_t>(random.between(1, 4) * 8),
                                            .segments_left = static_cast<uint8_t>(random.chance(10))};
    }
    return packet;
}

Packet add_transport(Random& random, Packet packet, bool ipv6, const Ends& ends);

// The error that the destination of a packet sends to its source, mostly: `ends` are those of the error.
Packet add_error(Random& random, Packet packet, bool ipv6, const Ends& ends) {
    const Ends quoted = random.chance(80) ? Ends{ends.destination, ends.source} : random_ends(random, ipv6);
    const size_t limit = random.between(28, 80);
    constexpr std::array<uint8_t, 5> types4 = {3, 4, 5, 11, 12};
    if (!ipv6)
        return packet / Icmp{.type = random.pick(types4)} /
               quote(add_transport(random, Ethernet{} / random_ipv4(random, quoted), ipv6, quoted), limit);
    const Ipv6 ip{.source = quoted.source, .destination = quoted.destination};
    return packet / Icmpv6{.type = static_cast<uint8_t>(random.between(1, 5))} /
           quote(add_transport(random, Ethernet{} / ip, ipv6, quoted), limit + 20);
}

Packet add_transport(Random& random, Packet packet, bool ipv6, const Ends& ends) {
    constexpr std::array<uint8_t, 6> flags = {kSyn, kSyn | kAck, kAck, kFin | kAck, kRst, 0};
    const uint16_t source = random.pick(kPorts), destination = random.pick(kPorts);
    switch (random.below(10)) {
        case 0:
        case 1:
        case 2:
        case 3:
            return packet / Tcp{.source_port = source, .destination_port = destination, .flags = random.pick(flags)};
        case 4:
        case 5:
            return packet / Udp{.source_port = source, .destination_port = destination};
        case 6:
            return packet / Sctp{.source_port = source, .destination_port = destination};
        case 7:
            return ipv6 ? packet / Icmpv6{.type = static_cast<uint8_t>(random.between(127, 144)), .identifier = source}
                        : packet / Icmp{.type = static_cast<uint8_t>(random.below(19)), .identifier = source};
        case 8:
            return add_error(random, packet, ipv6, ends);
        default:
            return packet;  // no next header, and then bytes
    }
}

Bytes random_discovery(Random& random) {
    constexpr std::array<uint8_t, 9> types = {130, 131, 132, 133, 134, 135, 136, 137, 143};
    constexpr std::array<uint8_t, 4> limits = {255, 1, 255, 64};
    const Ends ends = random_ends(random, true);
    Packet packet = Ethernet{} / Ipv6{.source = random.chance(50) ? "fe80::1" : ends.source,
                                      .destination = random.chance(50) ? "ff02::1:ff00:1" : ends.destination,
                                      .hop_limit = random.pick(limits)};
    return add_extensions(random, packet) / Icmpv6{.type = random.pick(types)} / Payload{};
}

void put16(Bytes& frame, size_t at, uint16_t value) {
    if (at + 1 >= frame.size())
        return;
    frame[at] = static_cast<uint8_t>(value >> 8);
    frame[at + 1] = static_cast<uint8_t>(value);
}

}  // namespace

Bytes random_frame(Random& random) {
    const size_t kind = random.below(100);
    if (kind < 2)
        return Ethernet{.ethertype = 0x0806} / Payload{Bytes(random.between(1, 40))};
    if (kind < 4) {  // VLAN, QinQ, MPLS, a length
        constexpr std::array<uint16_t, 4> types = {0x8100, 0x88a8, 0x8847, 0x0026};
        return Ethernet{.ethertype = random.pick(types)} / Payload{Bytes(random.between(1, 40), 8)};
    }
    if (kind < 10)
        return random_discovery(random);
    const bool ipv6 = random.chance(50);
    const Ends ends = random_ends(random, ipv6);
    const Payload payload{Bytes(random.below(40), static_cast<uint8_t>(random.next()))};
    if (!ipv6)
        return add_transport(random, Ethernet{} / random_ipv4(random, ends), ipv6, ends) / payload;
    Ipv6 ip{.source = ends.source, .destination = ends.destination};
    if (random.chance(5))
        ip.next_header = random.pick(kProtocols);
    return add_transport(random, add_extensions(random, Packet(layer(Ethernet{})).append(layer(ip))), ipv6, ends) /
           payload;
}

Bytes damaged(Random& random, Bytes frame) {
    for (size_t accidents = random.below(4); accidents > 0; --accidents) {
        const size_t near = random.below(std::min<size_t>(frame.size(), 120));
        switch (random.below(8)) {
            case 0:
            case 1:
                frame[near] ^= static_cast<uint8_t>(1U << random.below(8));
                break;
            case 2:
                frame[near] = static_cast<uint8_t>(random.next());
                break;
            case 3:  // the IP length: total, or payload
                put16(frame, frame[12] == 0x08 ? 16 : 18,
                      static_cast<uint16_t>(random.chance(90) ? random.below(frame.size() + 4) : random.next()));
                break;
            case 4:  // version and header length
                frame[std::min<size_t>(14, frame.size() - 1)] = static_cast<uint8_t>(0x40 + random.below(16));
                break;
            case 5:
                frame.resize(random.between(15, std::max<size_t>(15, frame.size())));
                break;
            case 6:
                frame.resize(frame.size() + random.below(64), static_cast<uint8_t>(random.next()));
                break;
            default:  // a run of bytes moves
                if (near >= 14)
                    frame.insert(frame.begin() + static_cast<ptrdiff_t>(near), random.between(1, 16),
                                 static_cast<uint8_t>(random.below(8)));
        }
    }
    return frame;
}

}  // namespace catflap::test
