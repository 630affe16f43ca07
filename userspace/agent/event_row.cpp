// SPDX-License-Identifier: Apache-2.0
// An event of the engine in words, with the names that addresses have now.
#include <netinet/in.h>

#include <array>

#include "agent/agent.h"
#include "agent/monitor.h"
#include "engine/protocol_name.h"

namespace catflap::agent {
namespace {

bool has_ports(uint8_t protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

std::string flags_text(uint8_t flags) {
    constexpr std::array<const char*, 8> kNames = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    std::string text;
    for (const size_t bit : {1U, 0U, 2U, 3U, 4U, 5U, 6U, 7U})
        if ((flags >> bit & 1) != 0)
            text += (text.empty() ? "" : ",") + std::string(kNames[bit]);
    return text;
}

report::PacketEnd end_of(const std::optional<Address>& address, uint16_t port, const EventNames& names) {
    return address ? report::PacketEnd{to_string(*address), port, names.name_of(*address)} : report::PacketEnd{};
}

// Of an endpoint that the engine does not know yet.
std::string interface_name(const AgentState& state, uint32_t ifindex) {
    if (!state.links)
        return "";
    const auto found = state.links->links().find(ifindex);
    return found == state.links->links().end() ? "" : found->second.name;
}

report::PacketVerdict verdict_of(const engine::Event& event, const AgentState& state) {
    if (!event.dropped)
        return report::PacketVerdict::allowed;
    return state.options.mode == engine::Mode::audit ? report::PacketVerdict::would_drop
                                                     : report::PacketVerdict::dropped;
}

}  // namespace

report::EventRow row_of(const engine::Event& event, const AgentState& state, const EventNames& names) {
    const bool was_read = event.source.has_value();
    const bool ports = was_read && has_ports(event.protocol);
    report::EventRow row;
    row.at = event.at;
    row.verdict = verdict_of(event, state);
    row.direction = resolve::to_string(event.direction);
    row.pod = event.pod ? to_string(*event.pod) : "";
    row.interface = event.interface.empty() ? interface_name(state, event.ifindex) : event.interface;
    row.hook = event.at_uplink ? "uplink" : "veth";
    row.source = end_of(event.source, ports ? event.source_port : uint16_t{0}, names);
    row.destination = end_of(event.destination, ports ? event.destination_port : uint16_t{0}, names);
    row.protocol = was_read ? engine::protocol_name(event.protocol) : "";
    row.tcp_flags = was_read && event.protocol == IPPROTO_TCP ? flags_text(event.tcp_flags) : "";
    row.reason = event.reason;
    for (const PolicyName& policy : event.policies)
        row.policies.push_back(to_string(policy));
    row.rule = event.rule;
    row.packets = event.packets;
    row.bytes = event.bytes;
    row.frame_bytes = event.frame_bytes;
    row.head = event.head;
    return row;
}

}  // namespace catflap::agent
