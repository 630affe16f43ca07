// SPDX-License-Identifier: Apache-2.0
// Writes the tables of pod addresses, ipv4_addresses and ipv6_addresses, by plain stores while packets read them.
#pragma once

#include <catflap/address_table.h>

#include <functional>
#include <optional>
#include <span>

#include "compile/commit/store.h"

namespace catflap::kernel {

// The kernel's forms of model values.
catflap_address kernel_address(const Address& address);
Address model_address(const catflap_address& address);
catflap_address_seed random_address_seed();

class AddressTable {
  public:
    // For tests: called after every store.
    std::function<void()> after_store;

    AddressTable() = default;
    // CATFLAP_ADDRESS_BUCKETS of each, all zero.
    AddressTable(std::span<catflap_ipv4_bucket> ipv4, std::span<catflap_ipv6_bucket> ipv6,
                 const catflap_address_seed& seed)
        : ipv4_(ipv4), ipv6_(ipv6), seed_(seed) {}

    // False: its bucket has no place for the address. One that is there keeps its place; its new class is one store.
    [[nodiscard]] bool set(const Address& address, compile::ClassNumber number);
    // False: it is not there.
    bool remove(const Address& address);

    // As a packet finds it.
    [[nodiscard]] std::optional<compile::ClassNumber> find(const Address& address) const;
    [[nodiscard]] uint32_t bucket_of(const Address& address) const;
    // Visits (address, class).
    void for_each(const std::function<void(const Address&, compile::ClassNumber)>& visit) const;
    // Bucket by bucket, so that a walk can stop and go on: IPv4's buckets come first.
    [[nodiscard]] size_t buckets() const { return ipv4_.size() + ipv6_.size(); }
    void for_each_in(size_t bucket, const std::function<void(const Address&, compile::ClassNumber)>& visit) const;
    // address_mending.cpp: what others wrote past us. An entry of a bucket as for_each_in() counts them.
    struct Entry {
        uint32_t slot = 0;
        Address address{};
        compile::ClassNumber number = 0;
        bool found = false;  // find() would come upon it
    };
    void read_bucket(size_t bucket, const std::function<void(const Entry&)>& visit) const;
    // One store each, which count nothing: the entry was not ours, or was counted when it was.
    void clear(size_t bucket, uint32_t slot);
    [[nodiscard]] bool restore(const Address& address, compile::ClassNumber number);
    [[nodiscard]] size_t ipv4_count() const { return ipv4_count_; }
    [[nodiscard]] size_t ipv6_count() const { return ipv6_count_; }

  private:
    bool set_ipv4(uint32_t address_be, compile::ClassNumber number);
    bool set_ipv6(const catflap_address& address, compile::ClassNumber number);
    void store(__u64& entry, uint64_t value);

    std::span<catflap_ipv4_bucket> ipv4_;
    std::span<catflap_ipv6_bucket> ipv6_;
    catflap_address_seed seed_{};
    size_t ipv4_count_ = 0;
    size_t ipv6_count_ = 0;
};

}  // namespace catflap::kernel
