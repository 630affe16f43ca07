// SPDX-License-Identifier: Apache-2.0
#include "engine/ebpf/events.h"

#include <algorithm>
#include <ctime>

#include "engine/ebpf/rule_name.h"
#include "engine/lists.h"
#include "kernel/maps/address_table.h"

namespace catflap::engine {
namespace {

using std::chrono::nanoseconds;

std::chrono::system_clock::time_point boot_time() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const auto since_boot = std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
    return std::chrono::system_clock::now() -
           std::chrono::duration_cast<std::chrono::system_clock::duration>(since_boot);
}

std::optional<Address> address_of(const catflap_address& told) {
    const Address address = kernel::model_address(told);
    return address.is_unset() ? std::nullopt : std::optional(address);
}

}  // namespace

EventTranslator::EventTranslator(const EbpfEngine& engine) : engine_(engine), boot_(boot_time()) {}

// What was told before a pod took over another one's slot is an earlier pod's, and nobody knows it any more.
const compile::LoadedEndpoint* EventTranslator::endpoint_of(const catflap_event& told) const {
    const auto& endpoints = engine_.loaded().endpoints;
    if (told.uplink == 0) {
        const auto found = endpoints.find(told.ifindex);
        return found == endpoints.end() ? nullptr : &found->second;
    }
    if (by_slot_.empty())
        for (const auto& [ifindex, endpoint] : endpoints)
            if (endpoint.config != 0)
                by_slot_[endpoint.slot] = &endpoint;
    const auto found = by_slot_.find(told.slot);
    return found == by_slot_.end() ? nullptr : found->second;
}

Event EventTranslator::translate(const catflap_event& told) const {
    Event event;
    event.at = boot_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(nanoseconds(told.at_ns));
    event.dropped = told.reason != CATFLAP_REASON_NONE;
    event.direction = told.direction == CATFLAP_FROM_POD ? resolve::Direction::egress : resolve::Direction::ingress;
    event.ifindex = told.ifindex;
    if (const compile::LoadedEndpoint* endpoint = endpoint_of(told); endpoint != nullptr) {
        event.interface = endpoint->spec.interface;
        if (told.slot == endpoint->slot)
            event.pod = endpoint->spec.pod;
    }
    event.at_uplink = told.uplink != 0;
    event.source = address_of(told.source);
    event.destination = address_of(told.destination);
    event.source_port = told.source_port;
    event.destination_port = told.destination_port;
    event.protocol = told.protocol;
    event.tcp_flags = told.tcp_flags;
    event.reason = event.dropped && told.reason < CATFLAP_REASON_COUNT ? label_of(told.reason) : "";
    if (const compile::DecisionKey* key = engine_.loaded().decisions.key(told.rule); key != nullptr) {
        event.policies = key->policies;
        event.rule = key->is_default ? "" : rule_name(*key);
    }
    event.packets = told.packets;
    event.bytes = told.ip_bytes;
    event.frame_bytes = told.frame_bytes;
    event.head.assign(told.head, told.head + std::min<size_t>(told.head_bytes, CATFLAP_EVENT_HEAD_BYTES));
    return event;
}

Result<> EbpfEngine::listen(const Listening& what) {
    // Longer than the loop may be busy; what comes after it is not told, and not counted as lost.
    constexpr std::chrono::seconds kAtMost{10};
    uint32_t bits = 0;
    if (what.drops)
        bits |= CATFLAP_LISTEN_DROPS;
    if (what.flows)
        bits |= CATFLAP_LISTEN_FLOWS;
    if (what.any() && what.heads)
        bits |= CATFLAP_LISTEN_HEADS;
    return bits == 0 && datapath_->listening() == 0 ? Result<>{} : datapath_->listen(bits, kAtMost);
}

size_t EbpfEngine::read_events(size_t most, const TakeEvent& take) {
    const EventTranslator translator(*this);
    return datapath_->read_events(most, [&](const catflap_event& told) { take(translator.translate(told)); });
}

EventLosses EbpfEngine::event_losses() const {
    const auto losses = datapath_->event_losses();
    return losses ? EventLosses{losses->limited, losses->full} : EventLosses{};
}

}  // namespace catflap::engine
