// SPDX-License-Identifier: Apache-2.0
// Packets and bytes, whichever engine counted them.
#pragma once

#include <cstdint>

namespace catflap::report {

struct Counted {
    uint64_t packets = 0;
    uint64_t bytes = 0;

    void add(uint64_t more_packets, uint64_t more_bytes) {
        packets += more_packets;
        bytes += more_bytes;
    }
    void add(const Counted& more) { add(more.packets, more.bytes); }
};

struct AllowedAndDropped {
    Counted allowed;
    Counted dropped;

    void add(const AllowedAndDropped& more) {
        allowed.add(more.allowed);
        dropped.add(more.dropped);
    }
};

// Of a policy; directions are those of the Kubernetes model.
struct CountedByDirection {
    AllowedAndDropped ingress;
    AllowedAndDropped egress;

    [[nodiscard]] AllowedAndDropped sum() const {
        AllowedAndDropped both = ingress;
        both.add(egress);
        return both;
    }
};

}  // namespace catflap::report
