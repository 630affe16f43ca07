// SPDX-License-Identifier: Apache-2.0
#include "compile/plan/pool.h"

#include <algorithm>

namespace catflap::compile {

std::optional<uint32_t> PagePool::take(uint32_t count) {
    uint32_t run = 0;
    for (uint32_t page = search_from_; page < used_.size(); ++page) {
        run = used_[page] ? 0 : run + 1;
        if (run < count)
            continue;
        const uint32_t first = page + 1 - count;
        std::fill_n(used_.begin() + first, count, true);
        free_pages_ -= count;
        while (search_from_ < used_.size() && used_[search_from_])
            ++search_from_;
        return first;
    }
    return std::nullopt;
}

void PagePool::after_grace_period() {
    for (const auto& [first, count] : retired_) {
        std::fill_n(used_.begin() + first, count, false);
        free_pages_ += count;
        search_from_ = std::min(search_from_, first);
    }
    retired_.clear();
}

bool PagePool::short_of_pages(uint32_t of_so_many) const {
    uint32_t waiting = 0;
    for (const auto& [first, count] : retired_)
        waiting += count;
    return waiting > pages() / of_so_many || (waiting > 0 && free_pages_ < pages() / 4);
}

}  // namespace catflap::compile
