// SPDX-License-Identifier: Apache-2.0
// Single packets as an engine tells of them while somebody listens.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/address.h"
#include "model/cluster.h"
#include "resolve/resolve.h"

namespace catflap::engine {

struct Listening {
    bool drops = false;
    bool flows = false;  // the first packets of those that pass
    bool heads = false;  // with the beginning of each frame

    [[nodiscard]] bool any() const { return drops || flows; }
};

struct Event {
    std::chrono::system_clock::time_point at;
    bool dropped = true;  // or would be, in mode audit
    resolve::Direction direction = resolve::Direction::ingress;
    uint32_t ifindex = 0;           // where it was judged
    std::string interface;          // of the endpoint; "": not known
    std::optional<ObjectName> pod;  // on it
    bool at_uplink = false;         // dropped early
    std::optional<Address> source;  // nothing: the packet was not read so far
    std::optional<Address> destination;
    uint16_t source_port = 0;
    uint16_t destination_port = 0;
    uint8_t protocol = 0;
    uint8_t tcp_flags = 0;
    std::string reason;
    std::vector<PolicyName> policies;  // that isolate; or the one that admits or denies
    std::string rule;                  // that admits
    uint32_t packets = 1;
    uint32_t bytes = 0;
    uint32_t frame_bytes = 0;
    std::vector<uint8_t> head;
};
using TakeEvent = std::function<void(const Event& event)>;

// That nobody was told of, since this engine was opened.
struct EventLosses {
    uint64_t limited = 0;
    uint64_t full = 0;
};

}  // namespace catflap::engine
