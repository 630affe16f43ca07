// SPDX-License-Identifier: Apache-2.0
// Numbers that packets may still be reading when we are done with them: what is retired comes back only after a grace
// period. Copyable, so that a commit which turns out not to fit can be taken back whole.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace catflap::compile {

class NumberPool {
  public:
    // Numbers first .. limit - 1.
    NumberPool(uint32_t first, uint32_t limit) : next_(first), limit_(limit) {}

    std::optional<uint32_t> take() {
        if (!free_.empty()) {
            const uint32_t number = free_.back();
            free_.pop_back();
            return number;
        }
        return next_ < limit_ ? std::optional(next_++) : std::nullopt;
    }
    // Takes this number; it must be free.
    void reserve(uint32_t number) {
        for (; next_ <= number && next_ < limit_; ++next_)
            free_.push_back(next_);
        std::erase(free_, number);
    }
    void retire(uint32_t number) { retired_.push_back(number); }
    void after_grace_period() {
        free_.insert(free_.end(), retired_.begin(), retired_.end());
        retired_.clear();
    }
    // More than one of so many waits for the grace period.
    [[nodiscard]] bool short_of_numbers(uint32_t of_so_many) const { return retired_.size() > limit_ / of_so_many; }

  private:
    uint32_t next_;
    uint32_t limit_;
    std::vector<uint32_t> free_;
    std::vector<uint32_t> retired_;
};

// Runs of neighbouring pages, first fit.
class PagePool {
  public:
    explicit PagePool(uint32_t pages) : used_(pages), free_pages_(pages) {}

    std::optional<uint32_t> take(uint32_t count);
    void retire(uint32_t first, uint32_t count) { retired_.emplace_back(first, count); }
    void after_grace_period();
    [[nodiscard]] uint32_t free_pages() const { return free_pages_; }
    [[nodiscard]] uint32_t pages() const { return static_cast<uint32_t>(used_.size()); }
    // Likewise; or few are free, and some wait.
    [[nodiscard]] bool short_of_pages(uint32_t of_so_many) const;

  private:
    std::vector<bool> used_;
    uint32_t free_pages_;
    uint32_t search_from_ = 0;
    std::vector<std::pair<uint32_t, uint32_t>> retired_;
};

}  // namespace catflap::compile
