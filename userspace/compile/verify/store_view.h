// SPDX-License-Identifier: Apache-2.0
// What a store holds, read back piece by piece, and mended piece by piece: the maps of the datapath, or a simulation of
// them. What can be read by plain loads cannot fail; what takes a system call can.
#pragma once

#include <catflap/abi.h>

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "compile/commit/store.h"

namespace catflap::compile {

// One entry of a bucket of addresses.
struct AddressEntry {
    uint32_t slot = 0;  // in its bucket
    Address address{};
    ClassNumber number = 0;
    bool found = false;  // it is the one that a packet finds for this address
};

// A slot of the directory of interfaces. ifindex 0: it is free.
struct InterfaceEntry {
    uint32_t ifindex = 0;
    uint32_t config = 0;
    bool found = false;  // it is the one that a packet of this interface finds
};

struct PrefixEntry {
    Prefix prefix;
    ClassNumber number = 0;
};

struct LocalEntry {
    Address address{};
    uint32_t ifindex = 0;
};

class StoreView {
  public:
    virtual ~StoreView() = default;

    // Port classes by port, 65,536.
    [[nodiscard]] virtual std::span<const uint16_t> ports(Protocol protocol) const = 0;

    [[nodiscard]] virtual uint32_t address_buckets() const = 0;
    // Replaces `entries` by those in use.
    virtual void read_bucket(uint32_t bucket, std::vector<AddressEntry>& entries) const = 0;
    // As a packet finds it there, the trie aside.
    [[nodiscard]] virtual std::optional<ClassNumber> address(const Address& address) const = 0;
    // Addresses whose buckets were full: their place is the trie.
    [[nodiscard]] virtual const std::unordered_set<Address>& in_trie() const = 0;
    virtual void clear_address(uint32_t bucket, uint32_t slot) = 0;
    // One store. False: its bucket has no room.
    [[nodiscard]] virtual bool put_address(const Address& address, ClassNumber number) = 0;

    // The trie's keys in an order of its own; nothing before the first one, and after the last one. After a key that is
    // not there it begins anew.
    [[nodiscard]] virtual Result<std::optional<PrefixEntry>> next_prefix(const std::optional<Prefix>& after) const = 0;
    // Grows with each key that a commit sets or removes.
    [[nodiscard]] virtual uint64_t prefix_writes() const = 0;
    // One replaced element each.
    virtual Result<> put_prefix(const Prefix& prefix, ClassNumber number) = 0;
    virtual Result<> drop_prefix(const Prefix& prefix) = 0;

    // CATFLAP_PAGE_U32 words.
    [[nodiscard]] virtual std::span<const uint32_t> page(uint32_t number) const = 0;
    [[nodiscard]] virtual catflap_endpoint_config config(uint32_t number) const = 0;

    [[nodiscard]] virtual uint32_t interface_slots() const = 0;
    [[nodiscard]] virtual InterfaceEntry interface_at(uint32_t slot) const = 0;
    // The config that a packet of the interface finds; nothing: none.
    [[nodiscard]] virtual std::optional<uint32_t> published(uint32_t ifindex) const = 0;
    virtual void clear_interface(uint32_t slot) = 0;

    // Hints: which interface has an address of this node's pods. Keys as in next_prefix().
    [[nodiscard]] virtual Result<std::optional<LocalEntry>> next_local(const std::optional<Address>& after) const = 0;
    [[nodiscard]] virtual Result<std::optional<uint32_t>> local(const Address& address) const = 0;
    virtual Result<> put_local(const Address& address, uint32_t ifindex) = 0;
    virtual Result<> drop_local(const Address& address) = 0;
};

}  // namespace catflap::compile
