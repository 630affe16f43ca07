// SPDX-License-Identifier: Apache-2.0
#include "kernel/attach/pins.h"

#include <bpf/bpf.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <array>
#include <string_view>

#include "kernel/maps/map.h"

namespace catflap::kernel {
namespace {

namespace fs = std::filesystem;

// The kernel names the anonymous inode of each kind of object.
ObjectKind kind_of(int fd) {
    std::error_code error;
    const std::string name = fs::read_symlink(fmt::format("/proc/self/fd/{}", fd), error).string();
    constexpr std::array<std::pair<std::string_view, ObjectKind>, 4> kNames = {{{"bpf-map", ObjectKind::map},
                                                                                {"bpf-prog", ObjectKind::program},
                                                                                {"bpf_link", ObjectKind::link},
                                                                                {"bpf-link", ObjectKind::link}}};
    for (const auto& [text, kind] : kNames)
        if (name.find(text) != std::string::npos)
            return kind;
    return ObjectKind::none;
}

}  // namespace

ObjectId object_id(int fd) {
    // bpf_map_info, bpf_prog_info and bpf_link_info begin with these two.
    struct {
        uint32_t type = 0;
        uint32_t id = 0;
    } info;
    uint32_t length = sizeof(info);
    const ObjectKind kind = kind_of(fd);
    if (kind == ObjectKind::none || bpf_obj_get_info_by_fd(fd, &info, &length) != 0)
        return {};
    return {kind, info.id};
}

bool is_bpffs(const fs::path& path) {
    struct statfs info {};
    return statfs(path.c_str(), &info) == 0 && static_cast<unsigned long>(info.f_type) == BPF_FS_MAGIC;
}

Result<bool> keep_pinned(const Pin& wanted) {
    const auto present = open_pinned(wanted.path);
    if (present && *present && object_id((*present)->get()) == object_id(wanted.fd))
        return false;
    std::error_code error;
    fs::create_directories(wanted.path.parent_path(), error);
    if (error)
        return fail_errno(error.value(), "create {}", wanted.path.parent_path().string());
    if (!is_bpffs(wanted.path.parent_path()))
        return fail("pin at {}: this is no longer a BPF file system; mount it again: mount -t bpf bpf /sys/fs/bpf",
                    wanted.path.string());
    fs::remove(wanted.path, error);  // another object at our place; pin() says it where that cannot be
    if (auto done = pin(wanted.fd, wanted.path); !done)
        return tl::unexpected(done.error());
    return true;
}

Result<std::vector<fs::path>> keep_pinned(const std::vector<Pin>& pins) {
    std::vector<fs::path> mended;
    for (const Pin& one : pins) {
        const auto made = keep_pinned(one);
        if (!made)
            return tl::unexpected(made.error());
        if (*made)
            mended.push_back(one.path);
    }
    return mended;
}

bool remove_pin(const fs::path& path, ObjectKind kind) {
    const auto present = open_pinned(path);
    if (!present || !*present || object_id((*present)->get()).kind != kind)
        return false;
    std::error_code error;
    return fs::remove(path, error);
}

}  // namespace catflap::kernel
