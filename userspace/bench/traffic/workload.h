// SPDX-License-Identifier: Apache-2.0
// The traffic whose cost is measured. All of it runs on one CPU, the sender's: a veth hands a packet over in softirq,
// so a sender carries its packets through both nodes up to the receiver's socket before its system call returns. What
// arrives per second is then the inverse of what a packet costs, and needs no second CPU.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/measure/clock.h"
#include "bench/lab/site.h"

namespace catflap::bench {

// Ports that the policies of a scenario admit from clients, TCP and UDP, and one that they do not.
constexpr uint16_t kFirstPort = 8000;
constexpr uint16_t kLastPort = 8015;
constexpr uint16_t kClosedPort = 9000;

struct Path {
    std::string name;
    PodPlace client;
    PodPlace stranger;
};
inline const Path kSameNode{"same node", kClient, kStranger};
inline const Path kAcrossNodes{"across nodes", kFarClient, kFarStranger};

struct Reading {
    double value = 0;                  // in the workload's unit
    std::vector<double> latencies_us;  // of each request, where that is what is measured
    Window window;
};

struct Settings {
    uint64_t window_ns = 250 * kMillisecondNs;
    int cpu = 0;  // of the traffic
};

// Packets/s of one UDP flow that both ends have spoken in, 64-byte frames (18 bytes of payload, the checksum counted).
Result<Reading> established_packets(const Site& site, const Path& path, const Settings& settings);
// Packets/s, each the first of another flow, and allowed.
Result<Reading> new_flow_packets(const Site& site, const Path& path, const Settings& settings);
// Packets/s, each the first of another flow, and dropped by policy. One that arrives is a failure.
Result<Reading> dropped_packets(const Site& site, const Path& path, const Settings& settings);
// Connections/s: connect, 64-byte request, 64-byte response, close; both ends in one thread, so without scheduling.
Result<Reading> tcp_connections(const Site& site, const Path& path, const Settings& settings);
// us from a 64-byte request to its 64-byte response on one TCP connection, two threads on one CPU. value: the median.
Result<Reading> request_latency(const Site& site, const Path& path, const Settings& settings);
// bits/s of one TCP connection; sender and receiver on different CPUs where there are.
Result<Reading> bulk_bits(const Site& site, const Path& path, const Settings& settings);

}  // namespace catflap::bench
