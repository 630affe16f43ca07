// SPDX-License-Identifier: Apache-2.0
// Objects that are pinned in bpffs so that they outlive the agent, and whether they still are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace catflap::kernel {

enum class ObjectKind : uint8_t { none, program, map, link };

// What a descriptor refers to. Ids are unique within a kind for as long as the object lives.
struct ObjectId {
    ObjectKind kind = ObjectKind::none;
    uint32_t id = 0;

    bool operator==(const ObjectId&) const = default;
};
ObjectId object_id(int fd);

bool is_bpffs(const std::filesystem::path& path);

// An object of this process, and where it has to be pinned.
struct Pin {
    std::filesystem::path path;
    int fd = -1;
};

// True: the pin was missing, or another object stood there, and it is made again.
Result<bool> keep_pinned(const Pin& pin);

// The files whose pins were made again. The descriptors keep everything in force while the agent lives, so nothing is
// lost but what the next agent would find.
Result<std::vector<std::filesystem::path>> keep_pinned(const std::vector<Pin>& pins);

// Unlinks a pin if it is one of this kind: anything else at its place is somebody else's. False: it is left.
bool remove_pin(const std::filesystem::path& path, ObjectKind kind);

}  // namespace catflap::kernel
