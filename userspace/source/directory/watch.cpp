// SPDX-License-Identifier: Apache-2.0
#include "source/directory/watch.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace catflap::source {
namespace {

// Not IN_MODIFY: a file that is being written is not read before it is closed. IN_CREATE is for
// links, which are never closed.
constexpr uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

Result<> add_to_epoll(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        return fail_errno(errno, "add to epoll");
    return {};
}

}  // namespace

Result<Watch> Watch::open(const std::filesystem::path& path) {
    Watch watch;
    watch.path_ = path;
    watch.epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
    watch.inotify_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    watch.timer_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!watch.epoll_ || !watch.inotify_ || !watch.timer_)
        return fail_errno(errno, "watch {}", path.string());
    for (const int fd : {watch.inotify_.get(), watch.timer_.get()})
        if (const Result<> added = add_to_epoll(watch.epoll_.get(), fd); !added)
            return fail_because(added.error(), "watch {}", path.string());
    return watch;
}

Result<WatchEvents> Watch::take() {
    WatchEvents events;
    drain(events);
    if (const Result<> found = follow_path(); !found) {
        retry_later();
        return tl::unexpected(found.error());
    }
    set_timer(false);
    if (rescan_)
        drain(events);  // the end of an old watch is an event too, and would wake the caller for
                        // nothing
    events.rescan = events.rescan || std::exchange(rescan_, false);
    events.replaced = std::exchange(replaced_, false);
    return events;
}

void Watch::retry_later() {
    rescan_ = true;
    set_timer(true);
}

void Watch::drain(WatchEvents& events) {
    uint64_t ticks = 0;
    while (::read(timer_.get(), &ticks, sizeof(ticks)) > 0) {
    }
    alignas(inotify_event) std::array<char, 65536> buffer;
    ssize_t length = 0;
    while ((length = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0) {
        size_t at = 0;
        while (at < static_cast<size_t>(length)) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof(event));
            read_event(buffer.data() + at, events);
            at += sizeof(event) + event.len;
        }
    }
    // The kernel was short of memory for an event.
    if (length < 0 && errno != EAGAIN && errno != EINTR)
        events.rescan = true;
}

void Watch::read_event(const char* data, WatchEvents& events) {
    inotify_event event{};
    std::memcpy(&event, data, sizeof(event));
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
        events.rescan = true;
        return;
    }
    if (event.wd != watch_)
        return;  // of a directory that was here before
    if ((event.mask & IN_IGNORED) != 0)
        watch_ = -1;
    else if (event.len > 0)
        events.names[data + sizeof(event)] |= event.mask;
}

// Watches what is at the path now. Something else than before: a rescan.
Result<> Watch::follow_path() {
    struct stat found {};
    if (stat(path_.c_str(), &found) != 0)
        return fail_errno(errno, "read {}", path_.string());
    if (watch_ >= 0 && found.st_dev == device_ && found.st_ino == inode_)
        return {};
    if (watch_ >= 0)
        inotify_rm_watch(inotify_.get(), watch_);
    watch_ = inotify_add_watch(inotify_.get(), path_.c_str(), kEvents | IN_ONLYDIR);
    if (watch_ < 0 && errno == ENOSPC)
        return fail("watch {}: no inotify watch is left; raise fs.inotify.max_user_watches", path_.string());
    if (watch_ < 0)
        return fail_errno(errno, "watch {}", path_.string());
    // Between stat() and here it may have changed again; then the next call sees it.
    device_ = found.st_dev;
    inode_ = found.st_ino;
    replaced_ = std::exchange(found_, true);
    rescan_ = true;
    return {};
}

void Watch::set_timer(bool armed) {
    itimerspec spec{};
    spec.it_value.tv_sec = armed ? 1 : 0;
    spec.it_interval.tv_sec = armed ? 1 : 0;
    timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

}  // namespace catflap::source
