// SPDX-License-Identifier: Apache-2.0
// Writes the trie `cidrs`: the blocks' prefixes, and pods whose bucket in the tables of addresses is full. Both may
// want the key of one address: the pod's class counts, as a pod's bucket comes before the trie.
#pragma once

#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "compile/commit/store.h"

namespace catflap::kernel {

class CidrTrie {
  public:
    explicit CidrTrie(int fd) : fd_(fd) {}

    Result<> set_prefixes(std::span<const std::pair<Prefix, compile::ClassNumber>> entries);
    Result<> remove_prefixes(std::span<const Prefix> prefixes);
    Result<> set_pods(std::span<const std::pair<Address, compile::ClassNumber>> entries);
    Result<> remove_pod(const Address& address);

    [[nodiscard]] bool has_pod(const Address& address) const { return pods_.contains(address); }
    [[nodiscard]] const std::unordered_set<Address>& pods() const { return pods_; }
    // Of the longest prefix that holds the address, as the programs find it; 0: none does.
    [[nodiscard]] compile::ClassNumber class_of(const Address& address) const;
    // Grows with each of the calls above that write.
    [[nodiscard]] uint64_t writes() const { return writes_; }
    // How many keys are there for a pod alone.
    [[nodiscard]] size_t pod_keys() const;

  private:
    int fd_;
    uint64_t writes_ = 0;
    // Of blocks that are one address: what holds again when the pod that shares the key goes.
    std::unordered_map<Address, compile::ClassNumber> single_blocks_;
    std::unordered_set<Address> pods_;
};

}  // namespace catflap::kernel
