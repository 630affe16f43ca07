// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/laboratory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <sstream>

#include "base/unique_fd.h"
#include "bench/lab/process.h"

namespace catflap::bench {
namespace {

namespace fs = std::filesystem;
constexpr const char* kRoot = "/run/catflap-lab";

Result<> require_bpffs() {
    struct statfs info {};
    if (statfs("/sys/fs/bpf", &info) == 0 && static_cast<unsigned long>(info.f_type) == BPF_FS_MAGIC)
        return {};
    if (mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr) != 0)
        return fail_errno(errno, "mount bpffs at /sys/fs/bpf");
    return {};
}

}  // namespace

std::string owner_of(int pid, const std::string& proc_stat) {
    // The program's name is in brackets and may hold anything; the start time is the 20th field behind it.
    std::istringstream fields(proc_stat.substr(std::min(proc_stat.size(), proc_stat.rfind(')') + 1)));
    std::string field;
    for (int i = 0; i < 20; ++i)
        fields >> field;
    return fmt::format("{} {}", pid, field);
}

Result<std::unique_ptr<Laboratory>> Laboratory::start() {
    if (geteuid() != 0)
        return tl::unexpected(Error{EPERM, "network namespaces need root"});
    if (auto done = require_bpffs(); !done)
        return tl::unexpected(done.error());
    std::unique_ptr<Laboratory> laboratory(new Laboratory(fmt::format("cfbe{:x}", getpid())));
    std::error_code error;
    fs::create_directories(kRoot, error);
    const UniqueFd lock(open((std::string(kRoot) + "/.lock").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!lock || flock(lock.get(), LOCK_EX) != 0)
        return fail_errno(errno, "lock {}", kRoot);
    // Directory and owner appear together for whoever takes the lock next.
    fs::create_directory(laboratory->directory(), error);
    if (auto done =
            write_text(laboratory->directory() / "owner", owner_of(getpid(), read_text("/proc/self/stat")) + "\n");
        !done)
        return tl::unexpected(done.error());
    for (const fs::path& path : {laboratory->source(), laboratory->directory() / "log", laboratory->pins()})
        fs::create_directories(path, error);
    if (error)
        return fail_errno(error.value(), "make the directories of laboratory {}", laboratory->id());
    return laboratory;
}

Laboratory::~Laboratory() {
    std::string batch;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/run/netns", error))
        if (entry.path().filename().string().starts_with(id_ + "-"))
            batch += fmt::format("netns delete {}\n", entry.path().filename().string());
    (void)run({"ip", "-force", "-batch", "-"}, batch);
    fs::remove_all(pins(), error);
    fs::remove_all(directory(), error);
}

}  // namespace catflap::bench
