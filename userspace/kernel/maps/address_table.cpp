// SPDX-License-Identifier: Apache-2.0
#include "kernel/maps/address_table.h"

#include <atomic>
#include <bit>
#include <random>

namespace catflap::kernel {
namespace {

// A packet with this key would find the free entries.
constexpr uint32_t kFreeKey = 0;

bool is_free(uint64_t entry) {
    return entry >> 32 == 0;
}

uint32_t key_of(uint64_t entry) {
    return static_cast<uint32_t>(entry);
}

compile::ClassNumber class_of(uint64_t entry) {
    return static_cast<uint32_t>(entry >> 32) - 1;
}

// The entry in use with this key; nullptr: none.
__u64* find_key(std::span<__u64> entries, uint32_t key) {
    for (__u64& entry : entries)
        if (key_of(entry) == key && !is_free(entry))
            return &entry;
    return nullptr;
}

__u64* find_free(std::span<__u64> entries) {
    for (__u64& entry : entries)
        if (is_free(entry))
            return &entry;
    return nullptr;
}

catflap_address ipv4_mapped(uint32_t address_be) {
    catflap_address address = kernel_address(parse_address("0.0.0.0").value());
    address.word_be[3] = address_be;
    return address;
}

bool same(const catflap_address& a, const catflap_address& b) {
    return model_address(a) == model_address(b);
}

}  // namespace

catflap_address kernel_address(const Address& address) {
    return std::bit_cast<catflap_address>(address.bytes);
}

Address model_address(const catflap_address& address) {
    return {std::bit_cast<std::array<uint8_t, 16>>(address)};
}

catflap_address_seed random_address_seed() {
    std::random_device device;  // the kernel's random numbers
    catflap_address_seed seed{};
    for (__u64& odd : seed.odd)
        odd = uint64_t{device()} << 32 | device() | 1;
    return seed;
}

// A release: what was written before, the address that the entry stands for, is seen before it.
void AddressTable::store(__u64& entry, uint64_t value) {
    std::atomic_ref(entry).store(value, std::memory_order_release);
    if (after_store)
        after_store();
}

bool AddressTable::set_ipv4(uint32_t address_be, compile::ClassNumber number) {
    const std::span<__u64> entries(ipv4_[catflap_bucket_of(catflap_hash_ipv4(address_be, &seed_))].entry);
    if (address_be == kFreeKey)
        return false;
    __u64* entry = find_key(entries, address_be);
    if (!entry) {
        entry = find_free(entries);
        if (!entry)
            return false;
        ++ipv4_count_;
    }
    store(*entry, catflap_entry(address_be, number));
    return true;
}

bool AddressTable::set_ipv6(const catflap_address& address, compile::ClassNumber number) {
    const uint64_t hash = catflap_hash_ipv6(&address, &seed_);
    const uint32_t key = catflap_ipv6_key(hash);
    catflap_ipv6_bucket& bucket = ipv6_[catflap_bucket_of(hash)];
    const std::span<__u64> entries(bucket.entry);
    if (key == kFreeKey)
        return false;
    __u64* entry = find_key(entries, key);
    if (!entry) {
        entry = find_free(entries);
        if (!entry)
            return false;
        // A packet that read the slot's last entry must not find the new address with it.
        std::atomic_thread_fence(std::memory_order_release);
        catflap_address& there = bucket.address[entry - entries.data()];
        for (size_t i = 0; i < std::size(there.word_be); ++i) {
            std::atomic_ref<uint32_t>(there.word_be[i]).store(address.word_be[i], std::memory_order_relaxed);
            if (after_store)
                after_store();
        }
        ++ipv6_count_;
    } else if (!same(bucket.address[entry - entries.data()], address)) {
        return false;  // an equal key: a packet would find only one of the two
    }
    store(*entry, catflap_entry(key, number));
    return true;
}

bool AddressTable::set(const Address& address, compile::ClassNumber number) {
    const catflap_address wanted = kernel_address(address);
    return address.is_ipv4() ? set_ipv4(wanted.word_be[3], number) : set_ipv6(wanted, number);
}

bool AddressTable::remove(const Address& address) {
    const catflap_address wanted = kernel_address(address);
    const uint32_t number = bucket_of(address);
    if (address.is_ipv4()) {
        __u64* entry = find_key(ipv4_[number].entry, wanted.word_be[3]);
        if (!entry)
            return false;
        store(*entry, 0);
        --ipv4_count_;
        return true;
    }
    catflap_ipv6_bucket& bucket = ipv6_[number];
    __u64* entry = find_key(bucket.entry, catflap_ipv6_key(catflap_hash_ipv6(&wanted, &seed_)));
    if (!entry || !same(bucket.address[entry - bucket.entry], wanted))
        return false;
    store(*entry, 0);
    --ipv6_count_;
    return true;
}

std::optional<compile::ClassNumber> AddressTable::find(const Address& address) const {
    const catflap_address wanted = kernel_address(address);
    const uint32_t number = bucket_of(address);
    const uint32_t found = address.is_ipv4()
                               ? catflap_find_ipv4(&ipv4_[number], wanted.word_be[3])
                               : catflap_find_ipv6(&ipv6_[number], catflap_hash_ipv6(&wanted, &seed_), &wanted);
    return found == 0 ? std::nullopt : std::optional(found - 1);
}

uint32_t AddressTable::bucket_of(const Address& address) const {
    const catflap_address key = kernel_address(address);
    return catflap_bucket_of(address.is_ipv4() ? catflap_hash_ipv4(key.word_be[3], &seed_)
                                               : catflap_hash_ipv6(&key, &seed_));
}

void AddressTable::for_each(const std::function<void(const Address&, compile::ClassNumber)>& visit) const {
    for (size_t bucket = 0; bucket < buckets(); ++bucket)
        for_each_in(bucket, visit);
}

void AddressTable::for_each_in(size_t bucket,
                               const std::function<void(const Address&, compile::ClassNumber)>& visit) const {
    if (bucket < ipv4_.size()) {
        for (const uint64_t entry : ipv4_[bucket].entry)
            if (!is_free(entry))
                visit(model_address(ipv4_mapped(key_of(entry))), class_of(entry));
        return;
    }
    const catflap_ipv6_bucket& ipv6 = ipv6_[bucket - ipv4_.size()];
    for (size_t i = 0; i < std::size(ipv6.entry); ++i)
        if (!is_free(ipv6.entry[i]))
            visit(model_address(ipv6.address[i]), class_of(ipv6.entry[i]));
}

}  // namespace catflap::kernel
