// SPDX-License-Identifier: Apache-2.0
#include "support/executors/simulated_view.h"

#include <algorithm>
#include <iterator>

namespace catflap::test {
namespace {

template <class Map, class Key>
auto after_key(const Map& map, const std::optional<Key>& after) {
    if (!after)
        return map.begin();
    // As the kernel's: after a key that is not there it begins anew.
    const auto found = map.find(*after);
    return found == map.end() ? map.begin() : std::next(found);
}

}  // namespace

std::span<const uint16_t> SimulatedView::ports(Protocol protocol) const {
    const size_t index = protocol == Protocol::tcp ? 0 : protocol == Protocol::udp ? 1 : 2;
    return store_.ports_[index];
}

Address SimulatedView::address_at(uint32_t slot) const {
    std::vector<Address> all;
    for (const auto& [address, number] : store_.addresses_)
        all.push_back(address);
    std::ranges::sort(all);
    return all[slot];
}

void SimulatedView::read_bucket(uint32_t, std::vector<compile::AddressEntry>& entries) const {
    entries.clear();
    for (uint32_t slot = 0; slot < store_.addresses_.size(); ++slot) {
        const Address address = address_at(slot);
        entries.push_back({slot, address, store_.addresses_.at(address), true});
    }
}

std::optional<compile::ClassNumber> SimulatedView::address(const Address& address) const {
    const auto found = store_.addresses_.find(address);
    return found == store_.addresses_.end() ? std::nullopt : std::optional(found->second);
}

void SimulatedView::clear_address(uint32_t, uint32_t slot) {
    store_.addresses_.erase(address_at(slot));
}

bool SimulatedView::put_address(const Address& address, compile::ClassNumber number) {
    if (crowded.contains(address))
        return false;
    store_.addresses_[address] = number;
    return true;
}

Result<std::optional<compile::PrefixEntry>> SimulatedView::next_prefix(const std::optional<Prefix>& after) const {
    if (!unreadable.empty())
        return fail("{}", unreadable);
    const auto next = after_key(store_.cidrs_, after);
    if (next == store_.cidrs_.end())
        return std::optional<compile::PrefixEntry>();
    return std::optional(compile::PrefixEntry{next->first, next->second});
}

Result<> SimulatedView::put_prefix(const Prefix& prefix, compile::ClassNumber number) {
    store_.cidrs_[prefix] = number;
    return {};
}

Result<> SimulatedView::drop_prefix(const Prefix& prefix) {
    store_.cidrs_.erase(prefix);
    return {};
}

std::span<const uint32_t> SimulatedView::page(uint32_t number) const {
    return store_.page_to_write(number);
}

catflap_endpoint_config SimulatedView::config(uint32_t number) const {
    return store_.configs_[number].value_or(catflap_endpoint_config{});
}

compile::InterfaceEntry SimulatedView::interface_at(uint32_t slot) const {
    const auto entry = std::next(store_.interfaces_.begin(), slot);
    return {entry->second == 0 ? 0 : entry->first, entry->second, true};
}

std::optional<uint32_t> SimulatedView::published(uint32_t ifindex) const {
    const auto found = store_.interfaces_.find(ifindex);
    return found == store_.interfaces_.end() ? std::nullopt : std::optional(found->second);
}

void SimulatedView::clear_interface(uint32_t slot) {
    std::next(store_.interfaces_.begin(), slot)->second = 0;  // erased, the slots behind it would move up
}

Result<std::optional<compile::LocalEntry>> SimulatedView::next_local(const std::optional<Address>& after) const {
    const auto next = after_key(locals, after);
    if (next == locals.end())
        return std::optional<compile::LocalEntry>();
    return std::optional(compile::LocalEntry{next->first, next->second});
}

Result<std::optional<uint32_t>> SimulatedView::local(const Address& address) const {
    const auto found = locals.find(address);
    return found == locals.end() ? std::optional<uint32_t>() : std::optional(found->second);
}

Result<> SimulatedView::put_local(const Address& address, uint32_t ifindex) {
    locals[address] = ifindex;
    return {};
}

Result<> SimulatedView::drop_local(const Address& address) {
    locals.erase(address);
    return {};
}

}  // namespace catflap::test
