// SPDX-License-Identifier: Apache-2.0
#include "engine/protocol_name.h"

#include <netinet/in.h>

namespace catflap::engine {

std::string protocol_name(uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "TCP";
        case IPPROTO_UDP:
            return "UDP";
        case IPPROTO_SCTP:
            return "SCTP";
        case IPPROTO_ICMP:
            return "ICMP";
        case IPPROTO_ICMPV6:
            return "ICMPv6";
        default:
            return std::to_string(protocol);
    }
}

}  // namespace catflap::engine
