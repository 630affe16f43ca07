// SPDX-License-Identifier: Apache-2.0
#include "source/directory/manifest.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace catflap::source {
namespace {

constexpr off_t kMaxSize = off_t{512} << 20;

int64_t nanoseconds(const timespec& time) {
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Reads to the end, wherever that is by now: the file may have grown since its size was asked for.
Result<std::string> read_all(int fd, off_t expected) {
    std::string text;
    text.resize(static_cast<size_t>(expected) + 1);
    size_t used = 0;
    while (true) {
        const ssize_t got = ::read(fd, text.data() + used, text.size() - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(errno, "cannot be read");
        if (got == 0)
            break;
        used += static_cast<size_t>(got);
        if (used > static_cast<size_t>(kMaxSize))
            return fail("is larger than 512 MiB; split it into several files");
        if (used == text.size())
            text.resize(text.size() * 2);
    }
    text.resize(used);
    return text;
}

}  // namespace

FileStamp stamp_of(const struct stat& status) {
    return {status.st_dev, status.st_ino, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim), status.st_size};
}

bool is_manifest_name(std::string_view name) {
    return !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json"));
}

Result<ManifestText> read_manifest(const std::filesystem::path& path) {
    // O_NONBLOCK: a FIFO would otherwise wait for a writer.
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd)
        return fail_errno(errno, "cannot be read");
    struct stat status {};
    if (fstat(fd.get(), &status) != 0)
        return fail_errno(errno, "cannot be read");
    if (!S_ISREG(status.st_mode))
        return fail("is {}, not a file; move it elsewhere", S_ISDIR(status.st_mode) ? "a directory" : "a device");
    if (status.st_size > kMaxSize)
        return fail("is larger than 512 MiB; split it into several files");
    Result<std::string> text = read_all(fd.get(), status.st_size);
    if (!text)
        return tl::unexpected(text.error());
    return ManifestText{stamp_of(status), std::move(*text)};
}

}  // namespace catflap::source
