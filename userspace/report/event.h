// SPDX-License-Identifier: Apache-2.0
// `catflap monitor`: what somebody wants to be told of, and the lines that he gets (docs/cli.md, a contract).
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace catflap::report {

// As it was typed; "": all.
struct MonitorQuestion {
    bool flows = false;  // that pass, too, when they begin
    bool heads = false;  // with the beginning of each frame
    std::string pod;     // "ns/name" or a name: of either end
    std::string ns;      // of either end
    std::string policy;  // "ns/name" or a name
    std::string reason;
    std::string from;  // a pod as above, "node/NAME", an address or a prefix
    std::string to;
    std::string port;  // of either end
    std::string protocol;
};
// Of a request. Missing fields are empty.
MonitorQuestion parse_monitor(const nlohmann::json& request);

enum class PacketVerdict : uint8_t { allowed, dropped, would_drop };
const char* to_string(PacketVerdict verdict);  // "allowed", "dropped", "wouldDrop"

struct PacketEnd {
    std::string address;  // "": the packet was not read so far
    uint16_t port = 0;    // 0: none, or not read so far
    std::string name;     // "ns/pod", "node/NAME"; "": the cluster has none of this address
};

// One packet: dropped, or the first of a flow that passes.
struct EventRow {
    std::chrono::system_clock::time_point at;
    PacketVerdict verdict = PacketVerdict::dropped;
    std::string direction;  // "Ingress", "Egress": of the pod whose policies had a say
    std::string pod;        // "ns/name" of that pod; "": none is known for the interface
    std::string interface;  // of that pod
    std::string hook;       // "veth"; "uplink": early drop
    PacketEnd source;
    PacketEnd destination;
    std::string protocol;               // "TCP", "ICMPv6", "132"; "": not read so far
    std::string tcp_flags;              // "SYN,ACK"
    std::string reason;                 // of a drop, a label of reasons.def
    std::vector<std::string> policies;  // a drop by policy: that isolate the pod; allowed: the one that admits
    std::string rule;                   // that admits: "shop/web Ingress[0]"
    uint32_t packets = 0;
    uint32_t bytes = 0;         // by the IP header
    uint32_t frame_bytes = 0;   // length of the frame
    std::vector<uint8_t> head;  // its beginning, where it was asked for
};

// What a listener was not told of, since it began to listen.
struct LostEvents {
    std::chrono::system_clock::time_point at;
    uint64_t limited = 0;  // an endpoint had more than its share
    uint64_t full = 0;     // the ring was full
    uint64_t unread = 0;   // the listener did not take its lines

    [[nodiscard]] uint64_t sum() const { return limited + full + unread; }
};

// JSON objects in one line.
std::string to_line(const EventRow& row, bool with_head);
std::string to_line(const LostEvents& lost);

}  // namespace catflap::report
