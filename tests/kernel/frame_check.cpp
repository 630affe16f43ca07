// SPDX-License-Identifier: Apache-2.0
#include "kernel/frame_check.h"

#include <catflap/flow.h>
#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <bpf/bpf.h>

#include <cstring>

namespace catflap::test {
namespace {

const Address kWeb4 = parse_address("10.0.0.1").value(), kWeb6 = parse_address("fd00::1").value();
const Address kClient4 = parse_address("10.0.0.2").value(), kClient6 = parse_address("fd00::2").value();

// What bpf/ follows; with more it may drop what the oracle understands.
constexpr size_t kMaxExtensionHeaders = 7;

bool is_link_local(const Address& address) {
    const bool unicast = address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;  // fe80::/10
    return unicast || (address.bytes[0] == 0xff && (address.bytes[1] & 0x0f) == 2);      // ff02::/16, any flags
}

// Egress is open: the pod may send whatever it sends in its own name, and not in another packet.
bool may_leave(const Frame& frame) {
    const Address& own = frame.source.is_ipv4() ? kWeb4 : kWeb6;
    const bool router = frame.discovery == 134 || frame.discovery == 137;
    if (frame.discovery && is_link_local(frame.destination) && !router)
        return true;
    if (frame.source != own || (frame.quoted && frame.quoted->destination != own))
        return false;
    constexpr std::array<uint8_t, 5> kTunnels = {4, 41, 47, 97, 137};
    constexpr std::array<uint16_t, 3> kTunnelPorts = {4789, 8472, 6081};  // VXLAN, VXLAN as Linux had it, Geneve
    return std::ranges::find(kTunnels, frame.protocol) == kTunnels.end() &&
           !(frame.protocol == 17 && std::ranges::find(kTunnelPorts, frame.destination_port) != kTunnelPorts.end());
}

// web_policy(). A later fragment has no first one here.
bool may_enter(const Frame& frame) {
    return frame.part != Frame::Part::later_fragment && frame.protocol == 6 && frame.destination_port == 80 &&
           (frame.source == kClient4 || frame.source == kClient6);
}

bool may_pass(Way way, const Frame& frame) {
    if (frame.kind != Frame::Kind::packet)
        return frame.kind == Frame::Kind::arp;
    if (frame.quoted && frame.quoted->source != frame.destination)
        return false;  // an error goes to whoever sent what it is about
    if (way == Way::from_pod)
        return may_leave(frame);
    // The node divides forwarded IPv6 packets into ones of its own: those are judged like forwarded ones.
    const bool divided6 = frame.part == Frame::Part::first_fragment && !frame.source.is_ipv4();
    if (way == Way::from_node && frame.part != Frame::Part::later_fragment && !divided6)
        return true;
    return may_enter(frame);
}

// Neither link maintenance nor errors are connections. TCP: see forget().
bool leaves_flow(Way way, const Frame& frame) {
    const bool link = frame.discovery && (way == Way::from_node || is_link_local(frame.destination));
    return frame.kind == Frame::Kind::packet && !link && !frame.quoted;
}

const char* name_of(Way way) {
    return way == Way::from_pod ? "from the pod" : way == Way::forwarded ? "to the pod" : "from the node";
}

// A frame's verdict shall be its own, not that of a frame before it.
LabOptions options() {
    LabOptions options;
    if (laboratories_track())
        options.fast_flow_jiffies = 0;
    return options;
}

}  // namespace

FrameCheck::FrameCheck()
    : shop_(web_policy(), options()), slot_(shop_.lab.committer().loaded().endpoints.at(1).slot), drops_(drops()) {}

bool FrameCheck::runnable(const Bytes& frame) {
    if (frame.size() < 15 || frame.size() > 3000)
        return false;
    const int ethertype = frame[12] << 8 | frame[13];
    return frame.size() >= (ethertype == 0x0800 ? 34U : ethertype == 0x86dd ? 54U : 15U);
}

std::string FrameCheck::wrong(Way way, const Bytes& bytes) {
    const Frame frame = read_frame(bytes);
    const bool pass = shop_.lab.run(way == Way::from_pod ? Hook::from_pod : Hook::to_pod, bytes,
                                    {.ingress_ifindex = way == Way::from_node ? 0U : 99U});
    const uint64_t counted = drops() - drops_;
    drops_ += counted;
    ++(pass ? passed_ : dropped_);
    const bool remembered = !pass || forget(way, frame);
    const bool expected = may_pass(way, frame);
    const char* problem = nullptr;
    if (pass && !expected)
        problem = "passed, and must not";
    else if (!pass && expected && frame.extension_headers <= kMaxExtensionHeaders)
        problem = "dropped, and may pass";
    else if (counted != (pass ? 0 : 1))
        problem = pass ? "passed, and counted as a drop" : "dropped, and not counted once";
    else if (!remembered)
        problem = "passed as something else";
    if (problem)
        shop_.lab.forget_flows();  // the next frame's verdict shall be its own
    return problem ? fmt::format("{}, {}: {}\n{}", problem, name_of(way), to_string(frame), to_hex(bytes)) : "";
}

uint64_t FrameCheck::drops() const {
    uint64_t sum = 0;
    for (int reason = 1; reason < CATFLAP_REASON_COUNT; ++reason)
        sum += shop_.lab.drops(static_cast<catflap_reason>(reason));
    return sum;
}

bool FrameCheck::forget(Way way, const Frame& frame) {
    if (frame.kind != Frame::Kind::packet)
        return true;
    const bool out = way == Way::from_pod;
    const Address& remote = out ? frame.destination : frame.source;
    if (frame.part == Frame::Part::first_fragment) {
        catflap_fragment_key key{};
        std::memcpy(&key.remote, remote.bytes.data(), sizeof(key.remote));
        key.id_be = remote.is_ipv4() ? htons(static_cast<uint16_t>(frame.fragment_id)) : htonl(frame.fragment_id);
        key.slot_protocol = catflap_slot_protocol(slot_, remote.is_ipv4() ? frame.protocol : 44);
        key.direction = out ? CATFLAP_FROM_POD : CATFLAP_TO_POD;
        if (bpf_map_delete_elem(shop_.lab.datapath().map_fd("fragments"), &key) != 0)
            return false;
    }
    catflap_flow_key key{};
    std::memcpy(&key.remote, remote.bytes.data(), sizeof(key.remote));
    key.local_port = out ? frame.source_port : frame.destination_port;
    key.remote_port = out ? frame.destination_port : frame.source_port;
    key.slot_protocol = catflap_slot_protocol(slot_, frame.protocol);
    // nf_conntrack has these connections; what the datapath took the frame for, it does not tell.
    if (laboratories_track() && (frame.protocol == 6 || frame.protocol == 17)) {
        shop_.lab.forget_connections();
        bpf_map_delete_elem(shop_.lab.datapath().map_fd("flows"), &key);  // the node's own
        return true;
    }
    const bool left = bpf_map_delete_elem(shop_.lab.datapath().map_fd("flows"), &key) == 0;
    if (frame.protocol == 6 && !frame.quoted)  // of connections that nobody knows, only a SYN begins one
        return left == frame.asks_for_connection;
    return left || !leaves_flow(way, frame);
}

std::string to_hex(const Bytes& bytes) {
    std::string text;
    for (const uint8_t byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text;
}

}  // namespace catflap::test
