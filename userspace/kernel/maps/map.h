// SPDX-License-Identifier: Apache-2.0
// Maps of the kernel as typed objects.
#pragma once

#include <bpf/bpf.h>

#include <bpf/libbpf.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace catflap::kernel {

struct MapInfo {
    std::string name;
    uint32_t type = 0;  // enum bpf_map_type
    uint32_t id = 0;
    uint32_t key_bytes = 0;
    uint32_t value_bytes = 0;
    uint32_t max_entries = 0;
    uint32_t flags = 0;
};

Result<MapInfo> map_info(int fd);
// What the kernel accounts to the map ("memlock" of its fdinfo).
uint64_t map_memory_bytes(int fd);
std::string map_type_name(uint32_t type);
// The pinned map; nothing: no such pin.
Result<std::optional<UniqueFd>> open_pinned(const std::filesystem::path& path);
Result<> pin(int fd, const std::filesystem::path& path);

// Keys in use. Other writers may work on the map meanwhile: a key may be missed or seen twice.
// visit returns false to stop.
template <class Key, class Visit>
void for_each_key(int fd, Visit visit) {
    static_assert(std::has_unique_object_representations_v<Key>);
    Key key{};
    for (bool more = bpf_map_get_next_key(fd, nullptr, &key) == 0; more;) {
        const Key current = key;
        more = bpf_map_get_next_key(fd, &current, &key) == 0;
        if (!visit(current))
            return;
    }
}

// An array map that userspace writes by plain stores.
template <class Value>
class MappedArray {
  public:
    static Result<MappedArray> map(int fd, const std::string& name, uint32_t elements);

    MappedArray() = default;
    [[nodiscard]] std::span<Value> values() const { return {memory_.get(), elements_}; }

  private:
    struct Unmap {
        size_t bytes = 0;
        void operator()(Value* memory) const;
    };
    std::unique_ptr<Value, Unmap> memory_;
    uint32_t elements_ = 0;
};

// The mapping itself, of any element type; rounds up to whole pages.
Result<void*> map_memory(int fd, const std::string& name, size_t bytes, bool writable);
void unmap_memory(void* memory, size_t bytes);

template <class Value>
void MappedArray<Value>::Unmap::operator()(Value* memory) const {
    unmap_memory(memory, bytes);
}

template <class Value>
Result<MappedArray<Value>> MappedArray<Value>::map(int fd, const std::string& name, uint32_t elements) {
    static_assert(sizeof(Value) % 8 == 0, "array elements are 8-byte aligned");
    const size_t bytes = sizeof(Value) * elements;
    auto memory = map_memory(fd, name, bytes, true);
    if (!memory)
        return tl::unexpected(memory.error());
    MappedArray array;
    array.memory_ = std::unique_ptr<Value, Unmap>(static_cast<Value*>(*memory), Unmap{bytes});
    array.elements_ = elements;
    return array;
}

// The sum of a per-CPU element over all CPUs. Sum is a struct of __u64 fields only.
template <class Sum>
Result<Sum> sum_over_cpus(int fd, const char* name, uint32_t index) {
    static_assert(sizeof(Sum) % sizeof(uint64_t) == 0);
    const int cpus = libbpf_num_possible_cpus();
    if (cpus < 0)
        return fail_errno(cpus, "count the possible CPUs");
    std::vector<Sum> values(static_cast<size_t>(cpus));
    if (bpf_map_lookup_elem(fd, &index, values.data()) != 0)
        return fail_errno(errno, "read element {} of map {}", index, name);
    Sum sum{};
    auto* total = reinterpret_cast<uint64_t*>(&sum);
    for (const Sum& value : values) {
        const auto* part = reinterpret_cast<const uint64_t*>(&value);
        for (size_t i = 0; i < sizeof(Sum) / sizeof(uint64_t); ++i)
            total[i] += part[i];
    }
    return sum;
}

}  // namespace catflap::kernel
