// SPDX-License-Identifier: Apache-2.0
#include "kernel/maps/map_store.h"

#include <bpf/bpf.h>
#include <catflap/ports.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>

#include "kernel/datapath/grace_period.h"

namespace catflap::kernel {
namespace {

static_assert(std::endian::native == std::endian::little, "rows are written as words");

// A packet sees the value before or after, never half of it.
template <class Word, class Value>
void store_whole(Word& target, const Value& value) {
    static_assert(sizeof(Word) == sizeof(Value));
    std::atomic_ref<Word>(target).store(std::bit_cast<Word>(value), std::memory_order_release);
}

bool is_unset(const catflap_address& address) {
    return std::ranges::all_of(address.word_be, [](uint32_t word) { return word == 0; });
}

bool same(const catflap_address& one, const catflap_address& other) {
    return std::ranges::equal(one.word_be, other.word_be);
}

}  // namespace

Result<std::unique_ptr<MapStore>> MapStore::open(const StateMaps& maps, Ledger& ledger,
                                                 const EndpointCounters& endpoint_counters) {
    std::unique_ptr<MapStore> store(new MapStore(maps, ledger, endpoint_counters));
    if (auto done = store->map_all(); !done)
        return tl::unexpected(done.error());
    return store;
}

Result<> MapStore::map_all() {
    auto interfaces = MappedArray<catflap_interface>::map(maps_.interfaces, "interfaces", CATFLAP_MAX_INTERFACES);
    if (!interfaces)
        return tl::unexpected(interfaces.error());
    auto configs =
        MappedArray<catflap_endpoint_config>::map(maps_.endpoint_configs, "endpoint_configs", CATFLAP_MAX_CONFIGS);
    if (!configs)
        return tl::unexpected(configs.error());
    auto ports = MappedArray<Page>::map(maps_.port_pages, "port_pages", CATFLAP_PORT_PAGES);
    if (!ports)
        return tl::unexpected(ports.error());
    auto tables = MappedArray<Page>::map(maps_.table_pages, "table_pages", maps_.table_page_count);
    if (!tables)
        return tl::unexpected(tables.error());
    auto ipv4 = MappedArray<catflap_ipv4_bucket>::map(maps_.ipv4_addresses, "ipv4_addresses", CATFLAP_ADDRESS_BUCKETS);
    if (!ipv4)
        return tl::unexpected(ipv4.error());
    auto ipv6 = MappedArray<catflap_ipv6_bucket>::map(maps_.ipv6_addresses, "ipv6_addresses", CATFLAP_ADDRESS_BUCKETS);
    if (!ipv6)
        return tl::unexpected(ipv6.error());
    auto gates = MappedArray<Gate>::map(maps_.redirect_gates, "redirect_gates", CATFLAP_MAX_ENDPOINTS);
    if (!gates)
        return tl::unexpected(gates.error());
    gates_ = std::move(*gates);
    ipv4_ = std::move(*ipv4);
    ipv6_ = std::move(*ipv6);
    addresses_ = AddressTable(ipv4_.values(), ipv6_.values(), maps_.address_seed);
    interfaces_ = std::move(*interfaces);
    directory_ = InterfaceDirectory(interfaces_.values());
    configs_ = std::move(*configs);
    ports_ = std::move(*ports);
    tables_ = std::move(*tables);
    return {};
}

Result<> MapStore::write_pages(uint32_t first_page, std::span<const uint32_t> words) {
    std::memcpy(&tables_.values()[first_page], words.data(), words.size_bytes());
    return {};
}

Result<> MapStore::write_config(uint32_t number, const catflap_endpoint_config& config) {
    ledger_.set_generation(config.slot, config.generation);
    configs_.values()[number] = config;
    return {};
}

Result<> MapStore::name_decision(uint32_t decision, const compile::DecisionKey& key) {
    return ledger_.name(decision, key);
}

// Called for each slot that a commit gives to a pod, before it publishes it.
Result<> MapStore::clear_endpoint_counters(uint32_t slot) {
    set_redirect_gate(slot, CATFLAP_REDIRECT_NOTHING);
    endpoint_counters_.clear(slot * 2 + CATFLAP_FROM_POD);
    endpoint_counters_.clear(slot * 2 + CATFLAP_TO_POD);
    return {};
}

// Written only where it differs: packets on every CPU read these lines.
void MapStore::set_redirect_gate(uint32_t slot, catflap_redirect_gate gate) {
    uint32_t& there = gates_.values()[slot].gate;
    if (there != static_cast<uint32_t>(gate))
        store_whole(there, static_cast<uint32_t>(gate));
}

// By what is there, not by what was written last: others may have written, too.
void MapStore::set_uplinks(const std::map<uint32_t, catflap_uplink>& uplinks) {
    std::vector<uint32_t> gone;
    for_each_key<uint32_t>(maps_.uplinks, [&](uint32_t ifindex) {
        if (!uplinks.contains(ifindex))
            gone.push_back(ifindex);
        return true;
    });
    for (const uint32_t ifindex : gone)
        bpf_map_delete_elem(maps_.uplinks, &ifindex);
    for (const auto& [ifindex, uplink] : uplinks) {
        catflap_uplink there{};
        if (bpf_map_lookup_elem(maps_.uplinks, &ifindex, &there) == 0 && there.ways == uplink.ways &&
            there.pod_mtu_bytes == uplink.pod_mtu_bytes)
            continue;
        if (bpf_map_update_elem(maps_.uplinks, &ifindex, &uplink, BPF_ANY) != 0)
            spdlog::warn("map uplinks: interface {}: {}; what goes by it takes no short way", ifindex,
                         std::strerror(errno));
    }
}

Result<> MapStore::set_u16(uint32_t first_page, uint32_t index, uint16_t value) {
    auto* values = reinterpret_cast<uint16_t*>(&tables_.values()[first_page]);
    store_whole(values[index], value);
    return {};
}

Result<> MapStore::set_ports(Protocol protocol, uint16_t first, uint16_t last, uint16_t port_class) {
    auto* values =
        reinterpret_cast<uint16_t*>(&ports_.values()[catflap_first_port_page(static_cast<uint8_t>(protocol))]);
    for (uint32_t port = first; port <= last; ++port)
        store_whole(values[port], port_class);
    return {};
}

// An address stays where it is first put: what moves between bucket and trie could be found in neither.
Result<> MapStore::set_addresses(std::span<const std::pair<Address, compile::ClassNumber>> entries) {
    std::vector<std::pair<Address, compile::ClassNumber>> crowded;
    for (const auto& [address, number] : entries)
        if (cidrs_.has_pod(address) || !addresses_.set(address, number))
            crowded.emplace_back(address, number);
    return cidrs_.set_pods(crowded);
}

Result<> MapStore::remove_addresses(std::span<const Address> addresses) {
    for (const Address& address : addresses)
        if (!addresses_.remove(address) && cidrs_.has_pod(address))
            if (auto done = cidrs_.remove_pod(address); !done)
                return done;
    return {};
}

Result<> MapStore::set_prefixes(std::span<const std::pair<Prefix, compile::ClassNumber>> entries) {
    return cidrs_.set_prefixes(entries);
}

Result<> MapStore::remove_prefixes(std::span<const Prefix> prefixes) {
    return cidrs_.remove_prefixes(prefixes);
}

bool MapStore::has_place(uint32_t ifindex) const {
    return directory_.has_place(ifindex);
}

Result<> MapStore::publish(uint32_t ifindex, uint32_t config) {
    if (!directory_.publish(ifindex, config))
        return fail("interface {} finds no place in map interfaces", ifindex);
    set_local(ifindex, config != 0 ? &configs_.values()[config] : nullptr);
    return {};
}

Result<> MapStore::withdraw(uint32_t ifindex) {
    directory_.withdraw(ifindex);
    set_local(ifindex, nullptr);
    return {};
}

// A hint, which the datapath verifies: the order in which it comes and goes means nothing, and without it a masqueraded
// sender of this node is judged by the address that it was lent.
void MapStore::set_local(uint32_t ifindex, const catflap_endpoint_config* config) {
    std::vector<catflap_address> wanted;
    if (config)
        for (const catflap_address& address : config->address)
            if (!is_unset(address))
                wanted.push_back(address);
    std::vector<catflap_address>& there = local_[ifindex];
    if (std::ranges::equal(there, wanted, same))
        return;
    for (const catflap_address& address : there) {
        uint32_t owner = 0;  // swapped addresses: the other interface's word stays
        if (bpf_map_lookup_elem(maps_.local_addresses, &address, &owner) == 0 && owner == ifindex)
            bpf_map_delete_elem(maps_.local_addresses, &address);
    }
    for (const catflap_address& address : wanted)
        if (bpf_map_update_elem(maps_.local_addresses, &address, &ifindex, BPF_ANY) != 0)
            spdlog::warn("map local_addresses: {} for interface {}: {}", to_string(model_address(address)), ifindex,
                         std::strerror(errno));
    there = std::move(wanted);
    if (there.empty())
        local_.erase(ifindex);
}

Result<> MapStore::order() {
#if defined(__x86_64__)
    // Neither stores nor loads overtake their like (Intel SDM 3A, 9.2.2): release stores above are enough.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return {};
#else
    // A packet's load of its class could overtake that of its config: wait until every packet began after our stores.
    return wait_for_packets();
#endif
}

Result<> MapStore::wait_for_packets() {
    return kernel::wait_for_packets();
}

}  // namespace catflap::kernel
