// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/census.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstddef>

#include "kernel/maps/map.h"

namespace catflap::kernel {

Result<> FlowWalk::step(uint32_t room) {
    read_place_ = place_;
    for (;;) {
        keys_.resize(room);
        flows_.resize(room);
        uint32_t count = room;
        uint32_t next = 0;
        const int error = bpf_map_lookup_batch(fd_, &place_, &next, keys_.data(), flows_.data(), &count, nullptr);
        if (error == -ENOSPC) {  // the first bucket has more than there is room for
            room *= 2;
            continue;
        }
        over_ = error == -ENOENT;  // these are the last
        if (error != 0 && !over_)
            return fail_errno(error, "read the flow cache");
        keys_.resize(count);
        flows_.resize(count);
        if (!over_)
            place_ = next;
        return {};
    }
}

Result<Census> count_entries(int map_fd, std::chrono::microseconds patience) {
    const auto info = map_info(map_fd);
    if (!info)
        return tl::unexpected(info.error());
    const auto end = std::chrono::steady_clock::now() + patience;
    const uint32_t buckets = std::bit_ceil(info->max_entries);  // kernel/bpf/hashtab.c, htab_map_alloc()
    uint32_t room = 1024;
    std::vector<std::byte> keys;
    std::vector<std::byte> values;
    Census census;
    for (uint32_t place = 0;;) {
        keys.resize(size_t{room} * info->key_bytes);
        values.resize(size_t{room} * info->value_bytes);
        uint32_t count = room;
        uint32_t next = 0;
        const int error = bpf_map_lookup_batch(map_fd, &place, &next, keys.data(), values.data(), &count, nullptr);
        if (error == -ENOSPC) {
            room *= 2;
            continue;
        }
        if (error != 0 && error != -ENOENT)
            return fail_errno(error, "count the entries of map {}", info->name);
        census.entries += count;
        if (error == -ENOENT)
            return census;
        place = next;
        if (std::chrono::steady_clock::now() < end || place == 0)
            continue;
        const double share = static_cast<double>(place) / buckets;
        const auto estimate = static_cast<size_t>(std::llround(static_cast<double>(census.entries) / share));
        return Census{std::min<size_t>(estimate, info->max_entries), true};
    }
}

}  // namespace catflap::kernel
