// SPDX-License-Identifier: Apache-2.0
#include "source/directory/manifest.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/unique_fd.h"

namespace catflap::source {
namespace {

constexpr off_t kMaxSize{kMaxManifest};
constexpr char kTooLarge[] = "is larger than 512 MiB; split it into several files";

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
            return fail(kTooLarge);
        if (used == text.size())
            text.resize(std::max<size_t>(text.size() * 2, 64 << 10));
    }
    text.resize(used);
    return text;
}

struct Opened {
    UniqueFd fd;
    struct stat status {};
};

// O_NONBLOCK: a FIFO would otherwise wait for a writer. O_NOCTTY: a terminal must not become ours.
Result<Opened> open_manifest(const std::filesystem::path& path) {
    Opened opened{UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY))};
    if (!opened.fd && errno == ENXIO)
        return fail("is a socket or a device, not a file; move it elsewhere");
    if (!opened.fd || fstat(opened.fd.get(), &opened.status) != 0)
        return fail_errno(errno, "cannot be read");
    return opened;
}

std::string_view kind_of(mode_t mode) {
    return S_ISDIR(mode) ? "a directory" : S_ISFIFO(mode) ? "a pipe" : "a device";
}

}  // namespace

FileStamp stamp_of(const struct stat& status) {
    return {status.st_dev, status.st_ino, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim), status.st_size};
}

bool is_manifest_name(std::string_view name) {
    return !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json"));
}

Result<ManifestText> read_manifest(const std::filesystem::path& path) {
    const Result<Opened> opened = open_manifest(path);
    if (!opened)
        return tl::unexpected(opened.error());
    if (!S_ISREG(opened->status.st_mode))
        return fail("is {}, not a file; move it elsewhere", kind_of(opened->status.st_mode));
    if (opened->status.st_size > kMaxSize)
        return fail(kTooLarge);
    Result<std::string> text = read_all(opened->fd.get(), opened->status.st_size);
    if (!text)
        return tl::unexpected(text.error());
    return ManifestText{stamp_of(opened->status), std::move(*text)};
}

Result<std::string> read_manifest_or_pipe(const std::filesystem::path& path) {
    const Result<Opened> opened = open_manifest(path);
    if (!opened)
        return tl::unexpected(opened.error());
    const mode_t mode = opened->status.st_mode;
    if (!S_ISREG(mode) && !S_ISFIFO(mode))
        return fail("is {}, not a file", kind_of(mode));
    // A pipe without a writer ends at once. From here on it is waited for.
    if (const int flags = fcntl(opened->fd.get(), F_GETFL);
        flags < 0 || fcntl(opened->fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0)
        return fail_errno(errno, "cannot be read");
    if (opened->status.st_size > kMaxSize)
        return fail(kTooLarge);
    return read_all(opened->fd.get(), opened->status.st_size);
}

}  // namespace catflap::source
