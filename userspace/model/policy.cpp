// SPDX-License-Identifier: Apache-2.0
#include "model/policy.h"

namespace catflap {

std::string_view to_string(Protocol protocol) {
    switch (protocol) {
        case Protocol::tcp:
            return "TCP";
        case Protocol::udp:
            return "UDP";
        case Protocol::sctp:
            return "SCTP";
    }
    return "?";
}

}  // namespace catflap
