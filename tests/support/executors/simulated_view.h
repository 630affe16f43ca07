// SPDX-License-Identifier: Apache-2.0
// Reads a simulated store back, and lets a test damage it as somebody else would: past the committer.
#pragma once

#include <map>
#include <string>

#include "compile/verify/store_view.h"
#include "support/executors/simulated_store.h"

namespace catflap::test {

class SimulatedView final : public compile::StoreView {
  public:
    explicit SimulatedView(SimulatedStore& store) : store_(store) {}

    // Why the trie cannot be read; "": it can.
    std::string unreadable;
    // These addresses find no room in their bucket.
    std::unordered_set<Address> crowded;
    std::map<Address, uint32_t> locals;

    // What a test may damage.
    std::unordered_map<Address, uint32_t>& addresses() { return store_.addresses_; }
    std::map<Prefix, uint32_t>& prefixes() { return store_.cidrs_; }
    std::vector<uint16_t>& ports_of(size_t protocol) { return store_.ports_[protocol]; }
    catflap_endpoint_config& config_at(uint32_t number) { return *store_.configs_[number]; }
    uint32_t& word(uint32_t page, uint32_t index) { return store_.page_to_write(page)[index]; }
    std::map<uint32_t, uint32_t>& interfaces() { return store_.interfaces_; }

    [[nodiscard]] std::span<const uint16_t> ports(Protocol protocol) const override;
    // One bucket, of all addresses in their order.
    [[nodiscard]] uint32_t address_buckets() const override { return 1; }
    void read_bucket(uint32_t bucket, std::vector<compile::AddressEntry>& entries) const override;
    [[nodiscard]] std::optional<compile::ClassNumber> address(const Address& address) const override;
    [[nodiscard]] const std::unordered_set<Address>& in_trie() const override { return in_trie_; }
    void clear_address(uint32_t bucket, uint32_t slot) override;
    [[nodiscard]] bool put_address(const Address& address, compile::ClassNumber number) override;
    [[nodiscard]] Result<std::optional<compile::PrefixEntry>> next_prefix(
        const std::optional<Prefix>& after) const override;
    [[nodiscard]] uint64_t prefix_writes() const override { return writes; }
    Result<> put_prefix(const Prefix& prefix, compile::ClassNumber number) override;
    Result<> drop_prefix(const Prefix& prefix) override;
    [[nodiscard]] std::span<const uint32_t> page(uint32_t number) const override;
    [[nodiscard]] catflap_endpoint_config config(uint32_t number) const override;
    [[nodiscard]] uint32_t interface_slots() const override { return static_cast<uint32_t>(store_.interfaces_.size()); }
    [[nodiscard]] compile::InterfaceEntry interface_at(uint32_t slot) const override;
    [[nodiscard]] std::optional<uint32_t> published(uint32_t ifindex) const override;
    void clear_interface(uint32_t slot) override;
    [[nodiscard]] Result<std::optional<compile::LocalEntry>> next_local(
        const std::optional<Address>& after) const override;
    [[nodiscard]] Result<std::optional<uint32_t>> local(const Address& address) const override;
    Result<> put_local(const Address& address, uint32_t ifindex) override;
    Result<> drop_local(const Address& address) override;

    uint64_t writes = 0;  // that the test says commits have made

  private:
    [[nodiscard]] Address address_at(uint32_t slot) const;

    SimulatedStore& store_;
    std::unordered_set<Address> in_trie_;
};

}  // namespace catflap::test
