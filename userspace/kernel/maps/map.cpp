// SPDX-License-Identifier: Apache-2.0
#include "kernel/maps/map.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace catflap::kernel {

Result<MapInfo> map_info(int fd) {
    bpf_map_info info{};
    uint32_t length = sizeof(info);
    if (const int error = bpf_obj_get_info_by_fd(fd, &info, &length); error != 0)
        return fail_errno(error, "ask the kernel about a map");
    return MapInfo{info.name, info.type, info.id, info.key_size, info.value_size, info.max_entries, info.map_flags};
}

uint64_t map_memory_bytes(int fd) {
    std::ifstream file(fmt::format("/proc/self/fdinfo/{}", fd));
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("memlock:"))
            return std::stoull(line.substr(line.find_first_of("0123456789")));
    return 0;
}

std::string map_type_name(uint32_t type) {
    const char* name = libbpf_bpf_map_type_str(static_cast<bpf_map_type>(type));
    return name ? name : fmt::format("type {}", type);
}

Result<std::optional<UniqueFd>> open_pinned(const std::filesystem::path& path) {
    const int fd = bpf_obj_get(path.c_str());
    if (fd >= 0)
        return std::optional(UniqueFd(fd));
    if (errno == ENOENT)
        return std::optional<UniqueFd>();
    return fail_errno(errno, "open pinned object {}", path.string());
}

Result<> pin(int fd, const std::filesystem::path& path) {
    if (const int error = bpf_obj_pin(fd, path.c_str()); error != 0)
        return fail_errno(error, "pin at {}", path.string());
    return {};
}

namespace {

size_t whole_pages(size_t bytes) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page;
}

}  // namespace

Result<void*> map_memory(int fd, const std::string& name, size_t bytes, bool writable) {
    void* memory = mmap(nullptr, whole_pages(bytes), writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return fail_errno(errno, "map {} into memory", name);
    return memory;
}

void unmap_memory(void* memory, size_t bytes) {
    munmap(memory, whole_pages(bytes));
}

}  // namespace catflap::kernel
