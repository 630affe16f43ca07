// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/pin_directory.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "kernel/attach/guard_links.h"
#include "kernel/attach/pins.h"
#include "kernel/maps/map.h"
#include "kernel/maps/map_names.h"

namespace catflap::kernel {
namespace {

namespace fs = std::filesystem;

bool is_map_name(const std::string& name) {
    const auto is_it = [&](const char* one) { return name == one; };
    return std::ranges::any_of(kKeptMaps, is_it, &MapRow::name) ||
           std::ranges::any_of(kStateMaps, is_it, &MapRow::name) || std::ranges::any_of(kLedgerMaps, is_it);
}

// "12-from_pod"
bool is_link_name(const std::string& name) {
    const size_t digits = name.find_first_not_of("0123456789");
    return digits != 0 && digits != std::string::npos &&
           (name.substr(digits) == "-from_pod" || name.substr(digits) == "-to_pod");
}

struct Room {
    const char* name;
    ObjectKind kind;
    bool (*is_ours)(const std::string&);
};

constexpr std::array<Room, 6> kRooms = {{{"links", ObjectKind::link, is_link_name},
                                         {"guard", ObjectKind::link, is_guard_name},
                                         {"keep", ObjectKind::map, is_map_name},
                                         {"state", ObjectKind::map, is_map_name},
                                         {"state_next", ObjectKind::map, is_map_name},
                                         {"state_old", ObjectKind::map, is_map_name}}};

// A directory that is not empty stays; that is no failure, and neither is a mount point.
void remove_if_empty(const fs::path& directory) {
    std::error_code ignored;
    fs::remove(directory, ignored);
}

// A link whose last pin goes is taken off a little later, by a worker of the kernel.
void detach_now(const fs::path& path) {
    if (const auto link = open_pinned(path); link && *link)
        bpf_link_detach((*link)->get());
}

Result<> remove_room(const fs::path& directory, const Room& room, std::vector<fs::path>& left) {
    std::error_code error;
    if (!fs::is_directory(directory, error))
        return {};
    std::vector<fs::path> entries;
    for (const auto& entry : fs::directory_iterator(directory, error))
        entries.push_back(entry.path());
    if (error)
        return fail_errno(error.value(), "read {}", directory.string());
    for (const fs::path& entry : entries) {
        const bool ours = room.is_ours(entry.filename().string());
        if (ours && room.kind == ObjectKind::link)
            detach_now(entry);
        if (!ours || !remove_pin(entry, room.kind))
            left.push_back(entry);
    }
    remove_if_empty(directory);
    return {};
}

}  // namespace

Result<UniqueFd> lock_pin_directory(const fs::path& pin_dir) {
    std::error_code error;
    fs::create_directories(pin_dir, error);
    if (error)
        return fail_errno(error.value(), "create {} (catflapd needs root, and bpffs: mount -t bpf bpf /sys/fs/bpf)",
                          pin_dir.string());
    if (!is_bpffs(pin_dir))
        return fail("--pin-dir {} is not on a BPF file system, where programs outlive the agent: mount -t bpf bpf {}",
                    pin_dir.string(), "/sys/fs/bpf");
    UniqueFd fd(open(pin_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd)
        return fail_errno(errno, "open {}", pin_dir.string());
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        return tl::unexpected(Error{
            EADDRINUSE, fmt::format("another agent holds --pin-dir {}: stop it first, or give this one a directory of "
                                    "its own",
                                    pin_dir.string())});
    return fd;
}

bool is_directory_of(int lock_fd, const fs::path& pin_dir) {
    struct stat held {};
    struct stat now {};
    return fstat(lock_fd, &held) == 0 && stat(pin_dir.c_str(), &now) == 0 && held.st_dev == now.st_dev &&
           held.st_ino == now.st_ino;
}

Result<std::vector<fs::path>> remove_map_pins(const fs::path& directory) {
    std::vector<fs::path> left;
    if (auto done = remove_room(directory, {"", ObjectKind::map, is_map_name}, left); !done)
        return tl::unexpected(done.error());
    return left;
}

Result<std::vector<fs::path>> remove_pins(const fs::path& pin_dir) {
    std::vector<fs::path> left;
    for (const Room& room : kRooms)
        if (auto done = remove_room(pin_dir / room.name, room, left); !done)
            return tl::unexpected(done.error());
    std::error_code error;
    const auto is_room = [](const fs::path& path) {
        return std::ranges::any_of(kRooms, [&](const Room& room) { return path.filename() == room.name; });
    };
    for (const auto& entry : fs::directory_iterator(pin_dir, error))
        if (!is_room(entry.path()))
            left.push_back(entry.path());
    remove_if_empty(pin_dir);
    return left;
}

}  // namespace catflap::kernel
