// SPDX-License-Identifier: Apache-2.0
#include "compile/classes/blocks.h"

#include <algorithm>
#include <map>

namespace catflap::compile {
namespace {

Prefix ipv4_root() {
    Address address;
    address.bytes[10] = address.bytes[11] = 0xff;
    return {address, 96};
}

// How often a prefix opens (+1: as a cidr) and closes (-1: as an except) a group.
struct Mark {
    Prefix prefix;
    uint32_t group;
    int change;
};

std::vector<Mark> marks_of(const std::vector<BlockGroup>& groups) {
    std::vector<Mark> marks;
    for (uint32_t group = 0; group < groups.size(); ++group) {
        for (const IpBlock& block : groups[group]) {
            marks.push_back({block.cidr, group, +1});
            for (const Prefix& except : block.except)
                marks.push_back({except, group, -1});
        }
    }
    marks.push_back({ipv4_root(), 0, 0});
    std::ranges::sort(marks, {}, [](const Mark& mark) { return std::pair(mark.prefix.family(), mark.prefix); });
    return marks;
}

// Open blocks of each group on the way from the root to one entry; groups without an open block are left out.
using OpenCounts = std::map<uint32_t, int>;

}  // namespace

BlockIndex::BlockIndex(const std::vector<BlockGroup>& groups) {
    const std::vector<Mark> marks = marks_of(groups);
    std::vector<OpenCounts> open;  // of the entries on the stack
    std::vector<int32_t> stack;    // the entries that contain the current one
    const auto enter = [&](const Prefix& prefix) {
        while (!stack.empty() && !entries_[static_cast<size_t>(stack.back())].prefix.contains(prefix)) {
            stack.pop_back();
            open.pop_back();
        }
        const int32_t parent = stack.empty() ? -1 : stack.back();
        open.push_back(open.empty() ? OpenCounts{} : open.back());
        stack.push_back(static_cast<int32_t>(entries_.size()));
        entries_.push_back({prefix, {}, parent});
    };

    for (size_t i = 0; i < marks.size();) {
        const Prefix prefix = marks[i].prefix;
        enter(prefix);
        for (; i < marks.size() && marks[i].prefix == prefix; ++i)
            open.back()[marks[i].group] += marks[i].change;
        for (const auto& [group, count] : open.back())
            if (count > 0)
                entries_.back().groups.push_back(group);
        if (prefix.family() == Family::ipv4)
            ipv4_entries_ = entries_.size();
    }
}

std::span<const uint32_t> BlockIndex::groups_of(const Address& address) const {
    const Prefix host = Prefix::host(address);
    const auto middle = entries_.begin() + static_cast<ptrdiff_t>(ipv4_entries_);
    const bool ipv4 = address.is_ipv4();
    const auto after = std::ranges::upper_bound(ipv4 ? entries_.begin() : middle, ipv4 ? middle : entries_.end(), host,
                                                {}, &Entry::prefix);
    auto index = static_cast<int32_t>(after - entries_.begin()) - 1;
    while (index >= 0) {
        const Entry& entry = entries_[static_cast<size_t>(index)];  // of IPv6: it may be an IPv4 one, which is no match
        if (entry.prefix.contains(address))
            return entry.groups;
        index = entry.parent;
    }
    return {};
}

}  // namespace catflap::compile
