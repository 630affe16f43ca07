// SPDX-License-Identifier: Apache-2.0
#include "kernel/attach/foreign.h"

#include <bpf/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "kernel/attach/attach.h"
#include "kernel/attach/guard_links.h"
#include "kernel/attach/pins.h"
#include "kernel/datapath/pin_directory.h"
#include "kernel/maps/map.h"

namespace catflap::kernel {
namespace {

namespace fs = std::filesystem;

// bpf_attr of BPF_PROG_QUERY (6.6, include/uapi/linux/bpf.h), which libbpf 1.1 does not know in full.
struct Query {
    uint32_t ifindex = 0;
    uint32_t attach_type = 0;
    uint32_t query_flags = 0;
    uint32_t attach_flags = 0;
    uint64_t program_ids = 0;
    uint32_t count = 0;
    uint32_t pad = 0;
    uint64_t program_flags = 0;
    uint64_t link_ids = 0;
    uint64_t link_flags = 0;
    uint64_t revision = 0;
};

constexpr uint32_t kMostPrograms = 64;  // of a TCX hook, the kernel's bound
constexpr int kDeepest = 6;             // directories below a bpffs

std::vector<fs::path> mounted_bpffs() {
    std::vector<fs::path> result;
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string device, path, type;
        if (words >> device >> path >> type && type == "bpf")
            result.emplace_back(path);
    }
    return result;
}

void add_link(const fs::path& path, PinnedLinks& links) {
    const std::string name = path.filename().string();
    if (!name.ends_with("-from_pod") && !name.ends_with("-to_pod"))
        return;
    const auto link = open_pinned(path);
    if (!link || !*link)
        return;
    if (const ObjectId id = object_id((*link)->get()); id.kind == ObjectKind::link)
        links.emplace(id.id, path);
}

// By the program's own name and its map's: libbpf names the map of constants after the object file.
bool is_named_as_ours(int program_fd) {
    bpf_prog_info info{};
    uint32_t length = sizeof(info);
    std::array<uint32_t, 64> maps{};
    info.map_ids = reinterpret_cast<uint64_t>(maps.data());
    info.nr_map_ids = maps.size();
    if (bpf_obj_get_info_by_fd(program_fd, &info, &length) != 0)
        return false;
    const std::string name = info.name;
    if (name != "from_pod" && name != "to_pod")
        return false;
    return std::any_of(maps.begin(), maps.begin() + std::min<uint32_t>(info.nr_map_ids, maps.size()), [](uint32_t id) {
        const UniqueFd map(bpf_map_get_fd_by_id(id));
        const auto described = map ? map_info(map.get()) : Result<MapInfo>(fail("no such map"));
        return described && described->name.starts_with("catflap");
    });
}

bool is_named_as_ours(const AttachedProgram& one) {
    const UniqueFd program(bpf_prog_get_fd_by_id(one.program));
    return program && is_named_as_ours(program.get());
}

// What closes interfaces for that agent. Ours is in force; and where its agent lives, it would only attach it anew.
void detach_guard_beside(const fs::path& pinned_link) {
    const fs::path directory = pinned_link.parent_path().parent_path();
    if (const auto lock = lock_pin_directory(directory))
        (void)detach_guard(directory);
}

std::string detach(const AttachedProgram& one, const fs::path& pinned) {
    const auto by_path = pinned.empty() ? Result<std::optional<UniqueFd>>(std::nullopt) : open_pinned(pinned);
    const UniqueFd by_id(by_path && *by_path ? -1 : bpf_link_get_fd_by_id(one.link));
    const int fd = by_path && *by_path ? (*by_path)->get() : by_id.get();
    const std::string where = pinned.empty() ? fmt::format("link {}", one.link) : pinned.string();
    if (fd < 0 || bpf_link_detach(fd) != 0)
        return fmt::format("another catflap's program ({}) could not be taken off: {}", where, std::strerror(errno));
    if (!pinned.empty()) {
        remove_pin(pinned, ObjectKind::link);
        detach_guard_beside(pinned);
    }
    return fmt::format("another catflap's program ({}) was taken off", where);
}

}  // namespace

PinnedLinks find_pinned_links() {
    PinnedLinks links;
    for (const fs::path& root : mounted_bpffs()) {
        std::error_code error;
        fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied, error);
        for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
            if (entry.depth() >= kDeepest)
                entry.disable_recursion_pending();
            add_link(entry->path(), links);
        }
    }
    return links;
}

std::vector<AttachedProgram> attached_programs(uint32_t ifindex, bool from_pod) {
    std::array<uint32_t, kMostPrograms> programs{}, links{}, flags{}, link_flags{};
    Query query;
    query.ifindex = ifindex;
    query.attach_type = tcx_attach_type(from_pod);
    query.count = kMostPrograms;
    query.program_ids = reinterpret_cast<uint64_t>(programs.data());
    query.program_flags = reinterpret_cast<uint64_t>(flags.data());
    query.link_ids = reinterpret_cast<uint64_t>(links.data());
    query.link_flags = reinterpret_cast<uint64_t>(link_flags.data());
    std::vector<AttachedProgram> result;
    if (syscall(__NR_bpf, BPF_PROG_QUERY, &query, sizeof(query)) != 0)
        return result;
    for (uint32_t i = 0; i < std::min(query.count, kMostPrograms); ++i)
        result.push_back({programs[i], links[i]});
    return result;
}

bool carries_programs(uint32_t ifindex, const PinnedLinks& pinned) {
    const auto has = [&](bool from_pod) {
        return clsact_program(ifindex, from_pod) != 0 ||
               std::ranges::any_of(attached_programs(ifindex, from_pod), [&](const AttachedProgram& one) {
                   return pinned.contains(one.link) || is_named_as_ours(one);
               });
    };
    return has(true) && has(false);
}

std::vector<std::string> take_off_foreign(uint32_t ifindex, const std::vector<uint32_t>& own,
                                          const PinnedLinks& pinned) {
    std::vector<std::string> told;
    for (const bool from_pod : {true, false}) {
        for (const AttachedProgram& one : attached_programs(ifindex, from_pod)) {
            if (std::ranges::find(own, one.link) != own.end())
                continue;
            const auto known = pinned.find(one.link);
            if (known != pinned.end() || is_named_as_ours(one))
                told.push_back(detach(one, known == pinned.end() ? fs::path() : known->second));
        }
    }
    return told;
}

}  // namespace catflap::kernel
