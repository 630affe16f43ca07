// SPDX-License-Identifier: Apache-2.0
// The directory of interfaces, whose words publish the endpoints, and the hints which interface has an address.
#include <algorithm>

#include "compile/verify/comparison.h"

namespace catflap::compile {
namespace {

constexpr uint32_t kSlotsInOnePiece = 512;
constexpr int kEndpointsInOnePiece = 32;
constexpr int kHintsInOnePiece = 16;
constexpr size_t kMostHints = 2 * size_t{CATFLAP_MAX_LOCAL_ADDRESSES};

bool has_address(const LoadedEndpoint* endpoint, const Address& address) {
    return endpoint && std::ranges::find(endpoint->spec.addresses, address) != endpoint->spec.addresses.end();
}

}  // namespace

// nullptr: everything on the interface is to be dropped.
const LoadedEndpoint* Comparison::published(uint32_t ifindex) const {
    const auto found = loaded().endpoints.find(ifindex);
    if (found == loaded().endpoints.end() || found->second.config == 0 || committer_.is_withdrawn(ifindex))
        return nullptr;
    return &found->second;
}

// What is not to be there is closed at once.
bool Comparison::interfaces() {
    const uint32_t end = std::min(cursor_ + kSlotsInOnePiece, view_.interface_slots());
    for (; cursor_ < end; ++cursor_) {
        const InterfaceEntry entry = view_.interface_at(cursor_);
        if (entry.ifindex == 0 || (entry.found && published(entry.ifindex)))
            continue;
        ++findings_.of(Part::interfaces).checked;
        differs({Part::interfaces, fmt::format("interface {}", entry.ifindex),
                 published(entry.ifindex) ? "no second entry" : "no entry",
                 fmt::format("config {} in slot {}", entry.config, cursor_)},
                [&]() -> Result<> {
                    view_.clear_interface(cursor_);
                    return {};
                });
    }
    return cursor_ == view_.interface_slots();
}

bool Comparison::missing_interfaces() {
    auto endpoint = loaded().endpoints.lower_bound(cursor_);
    for (int i = 0; i < kEndpointsInOnePiece && endpoint != loaded().endpoints.end(); ++i, ++endpoint) {
        cursor_ = endpoint->first + 1;
        if (!published(endpoint->first))
            continue;
        ++findings_.of(Part::interfaces).checked;
        const auto found = view_.published(endpoint->first);
        if (found == std::optional(endpoint->second.config))
            continue;
        damaged_endpoints_[endpoint->first].push_back(
            note({Part::interfaces, name_of(endpoint->second), fmt::format("config {}", endpoint->second.config),
                  found ? fmt::format("config {}", *found) : "no entry"}));
    }
    return endpoint == loaded().endpoints.end();
}

// Of a hint that leads to an interface which does not have the address.
void Comparison::compare_local(const LocalEntry& entry) {
    const LoadedEndpoint* owner = nullptr;
    for (const auto& [ifindex, endpoint] : loaded().endpoints)
        if (published(ifindex) && has_address(&endpoint, entry.address))
            owner = &endpoint;
    bool stays = true;
    if (!owner)
        ++findings_.of(Part::local_addresses).checked;
    differs({Part::local_addresses, to_string(entry.address), owner ? name_of(*owner) : "no entry",
             fmt::format("interface {}", entry.ifindex)},
            [&] {
                auto done =
                    owner ? view_.put_local(entry.address, owner->spec.ifindex) : view_.drop_local(entry.address);
                stays = owner || !done;
                return done;
            });
    if (stays)
        local_to_ = entry.address;
}

// Two pods may claim one address for a moment: then either may have the hint.
bool Comparison::local_addresses() {
    auto next = view_.next_local(local_to_);
    for (int i = 0; i < kHintsInOnePiece; ++i) {
        if (!next || ++cursor_ > kMostHints) {
            cannot_read(Part::local_addresses,
                        next ? Error{0, "its keys go away while they are read, again and again"} : next.error());
            return true;
        }
        if (!*next)
            return true;
        const LocalEntry entry = **next;
        next = view_.next_local(entry.address);
        if (has_address(published(entry.ifindex), entry.address)) {
            local_to_ = entry.address;
            continue;
        }
        compare_local(entry);
    }
    return false;
}

bool Comparison::missing_local_addresses() {
    auto endpoint = loaded().endpoints.lower_bound(cursor_);
    for (int i = 0; i < kEndpointsInOnePiece && endpoint != loaded().endpoints.end(); ++i, ++endpoint) {
        const uint32_t ifindex = endpoint->first;
        cursor_ = ifindex + 1;
        if (!published(ifindex))
            continue;
        for (const Address& address : endpoint->second.spec.addresses) {
            if (address.is_unset())
                continue;
            ++findings_.of(Part::local_addresses).checked;
            const auto found = view_.local(address);
            if (!found) {
                cannot_read(Part::local_addresses, found.error());
                return true;
            }
            if (*found)  // another's is told where the keys are walked
                continue;
            differs({Part::local_addresses, to_string(address), name_of(endpoint->second), "no entry"},
                    [&] { return view_.put_local(address, ifindex); });
        }
    }
    return endpoint == loaded().endpoints.end();
}

}  // namespace catflap::compile
