// SPDX-License-Identifier: Apache-2.0
// Array maps in which each CPU has elements of its own (abi.h): the datapath adds, userspace sums up and clears.
#pragma once

#include <atomic>

#include "kernel/maps/map.h"

namespace catflap::kernel {

// The highest number of a CPU that this machine may ever have, + 1 (/sys/devices/system/cpu/possible).
Result<uint32_t> cpu_numbers();
// "0-3,8-11" -> 12. Nothing: it is not of that form.
std::optional<uint32_t> parse_cpu_numbers(const std::string& possible);

// Value is a struct of __u64 fields only.
template <class Value>
class CpuArray {
  public:
    // elements: of each CPU.
    static Result<CpuArray> map(int fd, const std::string& name, uint32_t elements);

    CpuArray() = default;
    [[nodiscard]] Value sum(uint32_t index) const {
        Value total{};
        auto* words = reinterpret_cast<uint64_t*>(&total);
        for_each_cpu(index, [&](size_t word, std::atomic_ref<uint64_t> part) {
            words[word] += part.load(std::memory_order_relaxed);
        });
        return total;
    }
    // Adds to the first CPU's. Likewise.
    void add(uint32_t index, const Value& value) const {
        const auto* from = reinterpret_cast<const uint64_t*>(&value);
        auto* to = reinterpret_cast<uint64_t*>(&memory_.values()[index]);
        for (size_t word = 0; word < sizeof(Value) / sizeof(uint64_t); ++word)
            std::atomic_ref<uint64_t>(to[word]).fetch_add(from[word], std::memory_order_relaxed);
    }
    [[nodiscard]] uint32_t elements() const { return elements_; }
    // For an index that no packet counts in.
    void clear(uint32_t index) const {
        for_each_cpu(index, [](size_t, std::atomic_ref<uint64_t> part) { part.store(0, std::memory_order_relaxed); });
    }

  private:
    template <class Visit>
    void for_each_cpu(uint32_t index, Visit visit) const {
        for (size_t at = index; at < memory_.values().size(); at += elements_) {
            auto* words = reinterpret_cast<uint64_t*>(&memory_.values()[at]);
            for (size_t word = 0; word < sizeof(Value) / sizeof(uint64_t); ++word)
                visit(word, std::atomic_ref<uint64_t>(words[word]));
        }
    }

    MappedArray<Value> memory_;
    uint32_t elements_ = 1;
};

template <class Value>
Result<CpuArray<Value>> CpuArray<Value>::map(int fd, const std::string& name, uint32_t elements) {
    auto cpus = cpu_numbers();
    if (!cpus)
        return tl::unexpected(cpus.error());
    auto memory = MappedArray<Value>::map(fd, name, elements * *cpus);
    if (!memory)
        return tl::unexpected(memory.error());
    CpuArray array;
    array.memory_ = std::move(*memory);
    array.elements_ = elements;
    return array;
}

}  // namespace catflap::kernel
