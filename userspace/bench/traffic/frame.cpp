// SPDX-License-Identifier: Apache-2.0
#include "bench/traffic/frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>

#include <algorithm>
#include <cstring>

namespace catflap::bench {
namespace {

constexpr size_t kFrameBytes = 60;
constexpr size_t kIp = 14;
constexpr size_t kUdp = kIp + 20;

void put16(uint8_t* at, unsigned value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
}

// RFC 791, 3.1.
uint16_t ip_checksum(const uint8_t* header) {
    unsigned sum = 0;
    for (size_t i = 0; i < 20; i += 2)
        sum += static_cast<unsigned>(header[i] << 8 | header[i + 1]);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

Bytes ethernet(unsigned type) {
    Bytes frame(kFrameBytes);
    std::memset(frame.data(), 0xee, ETH_ALEN);
    frame[6] = 0x02;
    put16(&frame[12], type);
    return frame;
}

}  // namespace

Bytes udp_frame(const char* source, const char* destination, unsigned source_port, unsigned destination_port) {
    Bytes frame = ethernet(ETH_P_IP);
    uint8_t* ip = &frame[kIp];
    ip[0] = 0x45;
    put16(ip + 2, kFrameBytes - kIp);
    put16(ip + 6, 0x4000);  // don't fragment
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    inet_pton(AF_INET, source, ip + 12);
    inet_pton(AF_INET, destination, ip + 16);
    put16(ip + 10, ip_checksum(ip));
    set_source_port(frame, source_port);
    set_destination_port(frame, destination_port);
    put16(&frame[kUdp + 4], kFrameBytes - kUdp);
    return frame;
}

void set_source_address(Bytes& frame, uint32_t address) {
    uint8_t* ip = &frame[kIp];
    put16(ip + 12, address >> 16);
    put16(ip + 14, address);
    put16(ip + 10, 0);
    put16(ip + 10, ip_checksum(ip));
}
void set_macs(Bytes& frame, const std::array<uint8_t, 12>& macs) {
    std::ranges::copy(macs, frame.begin());
}
void set_source_port(Bytes& frame, unsigned port) {
    put16(&frame[kUdp], port);
}
void set_destination_port(Bytes& frame, unsigned port) {
    put16(&frame[kUdp + 2], port);
}

Bytes arp_frame() {
    Bytes frame = ethernet(ETH_P_ARP);
    const uint8_t request[] = {0, 1, 8, 0, 6, 4, 0, 1};
    std::memcpy(&frame[kIp], request, sizeof(request));
    return frame;
}

}  // namespace catflap::bench
