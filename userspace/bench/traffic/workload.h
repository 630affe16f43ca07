// SPDX-License-Identifier: Apache-2.0
// The traffic whose cost is measured. All of it runs on one CPU, the sender's: a veth hands a packet over in softirq,
// so a sender carries its packets through both nodes up to the receiver's socket before its system call returns. What
// arrives per second is then the inverse of what a packet costs, and needs no second CPU.
#pragma once

#include <cstdint>
#include <memory>
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

// Frames that node-b's uplink puts onto the wire as they are, past node-b's stack.
enum class OnWire : uint8_t {
    no,           // pods send
    one_source,   // from the pod's address
    sources,      // from 100,000 addresses of 198.18.0.0/15 by turns
    any_address,  // from random ones of 11.0.0.0/8, hardly ever the same again
};

struct Path {
    std::string name;
    PodPlace client;
    PodPlace stranger;
    OnWire on_wire = OnWire::no;
};
inline const Path kSameNode{"same node", kClient, kStranger};
inline const Path kAcrossNodes{"across nodes", kFarClient, kFarStranger};
inline const Path kFromWire{"from the wire", kFarClient, kFarStranger, OnWire::one_source};
// Of what is dropped alone.
inline const Path kFloods[] = {
    {"from the wire, 100,000 sources", kFarClient, kFarStranger, OnWire::sources},
    {"from the wire, spoofed sources", kFarClient, kFarStranger, OnWire::any_address},
};

// What was done in a slice of time, until the last of it was done.
struct Slice {
    uint64_t done = 0;  // packets that arrived, or were dropped; connections; requests that were answered
    uint64_t ns = 0;
    [[nodiscard]] double per_second() const { return static_cast<double>(done) * 1e9 / static_cast<double>(ns); }
};

// One mode's traffic of a scenario, laid out once and then done a slice at a time: sockets stay, caches keep what the
// slices of the others leave of them.
class Workload {
  public:
    virtual ~Workload() = default;
    // Goes on for at least so long.
    virtual Result<Slice> work(uint64_t at_least_ns) = 0;
    // Beside what is timed, before and after: makes room for more of the same, and fails where something came that must
    // not.
    virtual Result<> rest() { return {}; }
};
using OpenWorkload = Result<std::unique_ptr<Workload>> (*)(const Site& site, const Path& path);

// Packets of one UDP flow that both ends have spoken in, 64-byte frames (18 bytes of payload, the checksum counted).
Result<std::unique_ptr<Workload>> established_packets(const Site& site, const Path& path);
// Packets, each the first of another flow, and allowed.
Result<std::unique_ptr<Workload>> new_flow_packets(const Site& site, const Path& path);
// Packets, each the first of another flow, and dropped by policy. One that arrives is a failure.
Result<std::unique_ptr<Workload>> dropped_packets(const Site& site, const Path& path);
// Connections: connect, 64-byte request, 64-byte response, close; both ends in one thread, so without scheduling.
Result<std::unique_ptr<Workload>> tcp_connections(const Site& site, const Path& path);
// 64-byte requests with their 64-byte responses on one TCP connection; both ends in one thread.
Result<std::unique_ptr<Workload>> tcp_requests(const Site& site, const Path& path);

// So many new flows pass, so that what remembers flows is full of them. Fails where they need longer.
Result<> fill_with_flows(const Site& site, const Path& path, uint64_t flows, uint64_t at_most_ns);

struct Reading {
    double value = 0;                  // in the workload's unit
    std::vector<double> latencies_us;  // of each request, where that is what is measured
    Window window;
};

// Of what is measured in windows: the tail of a distribution needs many requests in a row, and two threads their time.
struct Settings {
    uint64_t window_ns = 250 * kMillisecondNs;
    int cpu = 0;  // of the traffic
};

// us from a 64-byte request to its 64-byte response on one TCP connection, two threads on one CPU. value: the median.
Result<Reading> request_latency(const Site& site, const Path& path, const Settings& settings);
// bits/s of one TCP connection; sender and receiver on different CPUs where there are.
Result<Reading> bulk_bits(const Site& site, const Path& path, const Settings& settings);

}  // namespace catflap::bench
