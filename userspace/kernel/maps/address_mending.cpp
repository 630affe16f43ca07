// SPDX-License-Identifier: Apache-2.0
// Entries of the address tables that others wrote: as they are, whether a packet would find them, and how they go.
#include <atomic>
#include <cstring>

#include "kernel/maps/address_table.h"

namespace catflap::kernel {
namespace {

Address ipv4_address(uint32_t address_be) {
    Address address = parse_address("0.0.0.0").value();
    std::memcpy(&address.bytes[12], &address_be, sizeof(address_be));
    return address;
}

}  // namespace

// A packet takes the last of the entries with its key (catflap_find_entry), in the bucket of its address.
void AddressTable::read_bucket(size_t bucket, const std::function<void(const Entry&)>& visit) const {
    const bool is_ipv4 = bucket < ipv4_.size();
    const size_t number = is_ipv4 ? bucket : bucket - ipv4_.size();
    const __u64* entries = is_ipv4 ? ipv4_[number].entry : ipv6_[number].entry;
    for (uint32_t slot = 0; slot < CATFLAP_BUCKET_SLOTS; ++slot) {
        const uint64_t entry = std::atomic_ref<const __u64>(entries[slot]).load(std::memory_order_relaxed);
        const auto key = static_cast<uint32_t>(entry);
        const auto above = static_cast<uint32_t>(entry >> 32);
        if (above == 0)
            continue;
        Entry read{slot, is_ipv4 ? ipv4_address(key) : model_address(ipv6_[number].address[slot]), above - 1, false};
        uint32_t last = 0;
        (void)catflap_find_entry(entries, key, &last);
        const catflap_address address = kernel_address(read.address);
        read.found = last == slot && key != 0 && bucket_of(read.address) == number &&
                     read.address.is_ipv4() == is_ipv4 &&
                     (is_ipv4 || key == catflap_ipv6_key(catflap_hash_ipv6(&address, &seed_)));
        visit(read);
    }
}

void AddressTable::clear(size_t bucket, uint32_t slot) {
    store(bucket < ipv4_.size() ? ipv4_[bucket].entry[slot] : ipv6_[bucket - ipv4_.size()].entry[slot], 0);
}

bool AddressTable::restore(const Address& address, compile::ClassNumber number) {
    const size_t ipv4_before = ipv4_count_;
    const size_t ipv6_before = ipv6_count_;
    const bool done = set(address, number);
    ipv4_count_ = ipv4_before;
    ipv6_count_ = ipv6_before;
    return done;
}

}  // namespace catflap::kernel
