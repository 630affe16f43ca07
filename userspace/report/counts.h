// SPDX-License-Identifier: Apache-2.0
// Packets and bytes, whichever engine counted them.
#pragma once

#include <catflap/abi.h>

#include <cstdint>

namespace catflap::agent {

// Behind enum catflap_reason: why conntrack alone drops a packet, in iptables mode.
constexpr uint32_t kInvalidState = CATFLAP_REASON_COUNT;

struct Counted {
    uint64_t packets = 0;
    uint64_t bytes = 0;

    void add(uint64_t more_packets, uint64_t more_bytes) {
        packets += more_packets;
        bytes += more_bytes;
    }
};

struct AllowedAndDropped {
    Counted allowed;
    Counted dropped;
};

}  // namespace catflap::agent
