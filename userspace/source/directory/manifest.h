// SPDX-License-Identifier: Apache-2.0
// One file of a manifest directory.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace catflap::source {

constexpr size_t kMaxManifest = size_t{512} << 20;

// Tells whether a file is the one that was read. Both times: a rename sets neither the size nor
// mtime.
struct FileStamp {
    dev_t device = 0;
    ino_t inode = 0;
    int64_t modified_ns = 0;
    int64_t changed_ns = 0;
    off_t size = 0;

    bool operator==(const FileStamp&) const = default;
};
FileStamp stamp_of(const struct stat& status);

// *.yaml, *.yml, *.json, and not hidden.
bool is_manifest_name(std::string_view name);
// kubelet switches all files of a mounted ConfigMap at once, by renaming the link that they point through.
inline bool is_switch(std::string_view name) {
    return name.starts_with("..");
}

struct ManifestText {
    FileStamp stamp;
    std::string text;
};
// Follows symbolic links. Refuses what is not a file or is larger than 512 MiB.
Result<ManifestText> read_manifest(const std::filesystem::path& path);
// As read_manifest(), but takes a pipe too, as a shell's <(helm template ...) is one, and waits for its writer's end.
Result<std::string> read_manifest_or_pipe(const std::filesystem::path& path);

}  // namespace catflap::source
