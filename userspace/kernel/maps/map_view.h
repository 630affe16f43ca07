// SPDX-License-Identifier: Apache-2.0
// compile::StoreView on the maps of the kernel: arrays are read as they lie in memory, which the kernel's programs, its
// system calls and we share; the trie and the hash table by system calls.
#pragma once

#include "compile/verify/store_view.h"
#include "kernel/maps/map_store.h"

namespace catflap::kernel {

class MapView final : public compile::StoreView {
  public:
    // Outlives it.
    explicit MapView(MapStore& store) : store_(store) {}

    [[nodiscard]] std::span<const uint16_t> ports(Protocol protocol) const override;
    // IPv4's come first.
    [[nodiscard]] uint32_t address_buckets() const override;
    void read_bucket(uint32_t bucket, std::vector<compile::AddressEntry>& entries) const override;
    [[nodiscard]] std::optional<compile::ClassNumber> address(const Address& address) const override;
    [[nodiscard]] const std::unordered_set<Address>& in_trie() const override { return store_.cidrs_.pods(); }
    void clear_address(uint32_t bucket, uint32_t slot) override;
    [[nodiscard]] bool put_address(const Address& address, compile::ClassNumber number) override;
    [[nodiscard]] Result<std::optional<compile::PrefixEntry>> next_prefix(
        const std::optional<Prefix>& after) const override;
    [[nodiscard]] uint64_t prefix_writes() const override { return store_.cidrs_.writes(); }
    Result<> put_prefix(const Prefix& prefix, compile::ClassNumber number) override;
    Result<> drop_prefix(const Prefix& prefix) override;
    [[nodiscard]] std::span<const uint32_t> page(uint32_t number) const override;
    [[nodiscard]] catflap_endpoint_config config(uint32_t number) const override;
    [[nodiscard]] uint32_t interface_slots() const override { return CATFLAP_MAX_INTERFACES; }
    [[nodiscard]] compile::InterfaceEntry interface_at(uint32_t slot) const override;
    [[nodiscard]] std::optional<uint32_t> published(uint32_t ifindex) const override;
    void clear_interface(uint32_t slot) override;
    [[nodiscard]] Result<std::optional<compile::LocalEntry>> next_local(
        const std::optional<Address>& after) const override;
    [[nodiscard]] Result<std::optional<uint32_t>> local(const Address& address) const override;
    Result<> put_local(const Address& address, uint32_t ifindex) override;
    Result<> drop_local(const Address& address) override;

    // enum catflap_redirect_gate, of an endpoint's slot.
    [[nodiscard]] uint32_t gate(uint32_t slot) const { return store_.gates_.values()[slot].gate; }

  private:
    // The slot in which a packet finds the interface.
    [[nodiscard]] std::optional<uint32_t> slot_of(uint32_t ifindex) const;

    MapStore& store_;
};

}  // namespace catflap::kernel
