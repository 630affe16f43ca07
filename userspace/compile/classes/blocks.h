// SPDX-License-Identifier: Apache-2.0
// ipBlocks as one tree of prefixes, each knowing every group of blocks that it belongs to: a longest-prefix match
// returns one prefix only, so broader blocks are folded into the narrower ones, and excepts take them away again.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/policy.h"

namespace catflap::compile {

// The ipBlocks of one source set: an address is in the group when it is in any of them.
using BlockGroup = std::vector<IpBlock>;

class BlockIndex {
  public:
    explicit BlockIndex(const std::vector<BlockGroup>& groups);

    struct Entry {
        Prefix prefix;
        std::vector<uint32_t> groups;  // sorted; every group that holds this prefix's own addresses
        int32_t parent = -1;           // the next broader entry
    };
    // IPv4, then IPv6, each sorted; always with 0.0.0.0/0, lest ::/0 be taken to hold the IPv4-mapped range.
    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
    // The groups that hold the address.
    [[nodiscard]] std::span<const uint32_t> groups_of(const Address& address) const;

  private:
    std::vector<Entry> entries_;
    size_t ipv4_entries_ = 0;
};

}  // namespace catflap::compile
