// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace catflap::test {

// splitmix64 (Steele, Lea, Flood 2014). The standard's distributions differ between libraries; this
// gives the same sequence for a seed everywhere, so a seed names a case.
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t next() {
        uint64_t mixed = state_ += 0x9e3779b97f4a7c15ULL;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
        return mixed ^ (mixed >> 31);
    }
    // 0 to bound - 1; the bias of the remainder is below 2^-50 for the bounds of tests.
    size_t below(size_t bound) { return static_cast<size_t>(next() % bound); }
    size_t between(size_t first, size_t last) { return first + below(last - first + 1); }
    bool chance(unsigned percent) { return below(100) < percent; }
    // One of a container that is not empty.
    template <class Container>
    const auto& pick(const Container& container) {
        return *std::next(std::begin(container), static_cast<std::ptrdiff_t>(below(std::size(container))));
    }

  private:
    uint64_t state_;
};

}  // namespace catflap::test
