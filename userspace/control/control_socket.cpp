// SPDX-License-Identifier: Apache-2.0
#include "control/control_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace catflap::control {

namespace fs = std::filesystem;

Result<void> make_directory(const fs::path& path) {
    std::error_code error;
    if (path.has_parent_path())
        fs::create_directories(path.parent_path(), error);
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno(errno, "create {}", path.string());
    if (!fs::is_directory(path, error))
        return fail_errno(ENOTDIR, "create {}", path.string());
    return {};
}

// The file stays: to remove it would let two agents hold locks on two files of the same name.
Result<UniqueFd> lock_directory(const fs::path& run_dir) {
    const fs::path path = run_dir / "agent.lock";
    UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock)
        return fail_errno(errno, "open {}", path.string());
    if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
        const std::string pid = fmt::format("{}\n", getpid());
        if (ftruncate(lock.get(), 0) != 0 ||
            pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
            return fail_errno(errno, "write {}", path.string());
        return lock;
    }
    if (errno != EWOULDBLOCK)
        return fail_errno(errno, "lock {}", path.string());
    std::array<char, 16> text{};
    const ssize_t length = pread(lock.get(), text.data(), text.size() - 1, 0);
    const int pid = length > 0 ? std::atoi(text.data()) : 0;
    return pid > 0 ? fail("an agent (pid {}) already serves {}", pid, run_dir.string())
                   : fail("an agent already serves {}", run_dir.string());
}

Result<UniqueFd> listen_on(const fs::path& path) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (path.native().size() >= sizeof(address.sun_path))
        return fail_errno(ENAMETOOLONG, "listen on {}", path.string());
    path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
        return fail_errno(errno, "remove the old {}", path.string());
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // The mode before bind() is the mode with which bind() makes the file: no moment in which it is
    // open to others.
    if (!socket || fchmod(socket.get(), 0600) != 0 ||
        bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(socket.get(), 64) != 0)
        return fail_errno(errno, "listen on {}", path.string());
    return socket;
}

}  // namespace catflap::control
