// SPDX-License-Identifier: Apache-2.0
#include "kernel/maps/map_view.h"

#include <bpf/bpf.h>
#include <catflap/ports.h>

#include <atomic>
#include <bit>
#include <cerrno>

namespace catflap::kernel {
namespace {

catflap_cidr_key key_of(const Prefix& prefix) {
    return {prefix.length(), kernel_address(prefix.address())};
}

catflap_interface load(const catflap_interface& slot) {
    return std::bit_cast<catflap_interface>(
        std::atomic_ref<const uint64_t>(reinterpret_cast<const uint64_t&>(slot)).load(std::memory_order_relaxed));
}

// False: there is none. Somebody may take a key out between the question which is next and the question what it has.
template <class Key, class Value>
Result<bool> next_of(int fd, const char* name, const Key* after, Key& key, Value& value) {
    constexpr int kTries = 8;
    for (int i = 0; i < kTries; ++i) {
        if (bpf_map_get_next_key(fd, after, &key) != 0) {
            if (errno == ENOENT)
                return false;
            return fail_errno(errno, "read the next key of map {}", name);
        }
        if (bpf_map_lookup_elem(fd, &key, &value) == 0)
            return true;
        if (errno != ENOENT)
            return fail_errno(errno, "read an entry of map {}", name);
    }
    return fail("read an entry of map {}: each goes away before it is read", name);
}

}  // namespace

std::span<const uint16_t> MapView::ports(Protocol protocol) const {
    const auto& first = store_.ports_.values()[catflap_first_port_page(static_cast<uint8_t>(protocol))];
    return {reinterpret_cast<const uint16_t*>(&first), 65536};
}

uint32_t MapView::address_buckets() const {
    return static_cast<uint32_t>(store_.addresses_.buckets());
}

void MapView::read_bucket(uint32_t bucket, std::vector<compile::AddressEntry>& entries) const {
    entries.clear();
    store_.addresses_.read_bucket(bucket, [&](const AddressTable::Entry& entry) {
        entries.push_back({entry.slot, entry.address, entry.number, entry.found});
    });
}

std::optional<compile::ClassNumber> MapView::address(const Address& address) const {
    return store_.addresses_.find(address);
}

void MapView::clear_address(uint32_t bucket, uint32_t slot) {
    store_.addresses_.clear(bucket, slot);
}

bool MapView::put_address(const Address& address, compile::ClassNumber number) {
    return store_.addresses_.restore(address, number);
}

Result<std::optional<compile::PrefixEntry>> MapView::next_prefix(const std::optional<Prefix>& after) const {
    const catflap_cidr_key last = after ? key_of(*after) : catflap_cidr_key{};
    catflap_cidr_key key{};
    uint32_t number = 0;
    const auto more = next_of(store_.maps_.cidrs, "cidrs", after ? &last : nullptr, key, number);
    if (!more)
        return tl::unexpected(more.error());
    if (!*more)
        return std::optional<compile::PrefixEntry>();
    return std::optional(
        compile::PrefixEntry{Prefix(model_address(key.address), static_cast<uint8_t>(key.prefix_length)), number});
}

Result<> MapView::put_prefix(const Prefix& prefix, compile::ClassNumber number) {
    const catflap_cidr_key key = key_of(prefix);
    if (bpf_map_update_elem(store_.maps_.cidrs, &key, &number, BPF_ANY) != 0)
        return fail_errno(errno, "write {} into map cidrs", to_string(prefix));
    return {};
}

Result<> MapView::drop_prefix(const Prefix& prefix) {
    const catflap_cidr_key key = key_of(prefix);
    if (bpf_map_delete_elem(store_.maps_.cidrs, &key) != 0 && errno != ENOENT)
        return fail_errno(errno, "remove {} from map cidrs", to_string(prefix));
    return {};
}

std::span<const uint32_t> MapView::page(uint32_t number) const {
    return {reinterpret_cast<const uint32_t*>(&store_.tables_.values()[number]), CATFLAP_PAGE_U32};
}

catflap_endpoint_config MapView::config(uint32_t number) const {
    return store_.configs_.values()[number];
}

std::optional<uint32_t> MapView::slot_of(uint32_t ifindex) const {
    for (uint32_t probe = 0; probe < CATFLAP_INTERFACE_PROBES; ++probe)
        if (const uint32_t slot = catflap_interface_slot(ifindex, probe);
            load(store_.interfaces_.values()[slot]).ifindex == ifindex)
            return slot;
    return std::nullopt;
}

compile::InterfaceEntry MapView::interface_at(uint32_t slot) const {
    const catflap_interface there = load(store_.interfaces_.values()[slot]);
    if (there.ifindex == 0)
        return {};
    return {there.ifindex, CATFLAP_CONFIG_OF(there.publication), slot_of(there.ifindex) == std::optional(slot)};
}

std::optional<uint32_t> MapView::published(uint32_t ifindex) const {
    const auto slot = slot_of(ifindex);
    return slot ? std::optional<uint32_t>(CATFLAP_CONFIG_OF(load(store_.interfaces_.values()[*slot]).publication))
                : std::nullopt;
}

void MapView::clear_interface(uint32_t slot) {
    std::atomic_ref<uint64_t>(reinterpret_cast<uint64_t&>(store_.interfaces_.values()[slot]))
        .store(0, std::memory_order_release);
}

Result<std::optional<compile::LocalEntry>> MapView::next_local(const std::optional<Address>& after) const {
    const catflap_address last = after ? kernel_address(*after) : catflap_address{};
    catflap_address key{};
    uint32_t ifindex = 0;
    const auto more = next_of(store_.maps_.local_addresses, "local_addresses", after ? &last : nullptr, key, ifindex);
    if (!more)
        return tl::unexpected(more.error());
    return *more ? std::optional(compile::LocalEntry{model_address(key), ifindex}) : std::nullopt;
}

Result<std::optional<uint32_t>> MapView::local(const Address& address) const {
    const catflap_address key = kernel_address(address);
    uint32_t ifindex = 0;
    if (bpf_map_lookup_elem(store_.maps_.local_addresses, &key, &ifindex) == 0)
        return std::optional(ifindex);
    if (errno == ENOENT)
        return std::optional<uint32_t>();
    return fail_errno(errno, "read {} from map local_addresses", to_string(address));
}

Result<> MapView::put_local(const Address& address, uint32_t ifindex) {
    const catflap_address key = kernel_address(address);
    if (bpf_map_update_elem(store_.maps_.local_addresses, &key, &ifindex, BPF_ANY) != 0)
        return fail_errno(errno, "write {} into map local_addresses", to_string(address));
    return {};
}

Result<> MapView::drop_local(const Address& address) {
    const catflap_address key = kernel_address(address);
    if (bpf_map_delete_elem(store_.maps_.local_addresses, &key) != 0 && errno != ENOENT)
        return fail_errno(errno, "remove {} from map local_addresses", to_string(address));
    return {};
}

}  // namespace catflap::kernel
