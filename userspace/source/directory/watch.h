// SPDX-License-Identifier: Apache-2.0
// inotify on one directory, by path: it finds the directory again when it was removed and made
// anew.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace catflap::source {

// What happened since the last look.
struct WatchEvents {
    std::map<std::string, uint32_t> names;  // the entry's name -> every IN_ bit that was seen
    bool rescan = false;                    // events were lost, or it is another directory than before
    bool replaced = false;                  // it is another directory than before
};

class Watch {
  public:
    // The directory may be missing yet: take() says so.
    static Result<Watch> open(const std::filesystem::path& path);

    // Readable when something happened; once a second while the directory is missing.
    [[nodiscard]] int fd() const { return epoll_.get(); }
    // Takes every event. Fails where the directory is missing; a later call finds it when it is
    // back.
    Result<WatchEvents> take();
    // The directory could not be read after all: take() asks for a rescan, and fd() comes back in a
    // second.
    void retry_later();
    // fd() is readable in a second, if nothing happens before.
    void wake_later() { set_timer(true); }

  private:
    Watch() = default;
    void drain(WatchEvents& events);
    void read_event(const char* data, WatchEvents& events);
    Result<> follow_path();
    void set_timer(bool armed);

    std::filesystem::path path_;
    UniqueFd epoll_;
    UniqueFd inotify_;
    UniqueFd timer_;  // armed only while the directory is missing
    int watch_ = -1;  // inotify's number of the directory; -1: not watched
    dev_t device_ = 0;
    ino_t inode_ = 0;
    bool found_ = false;  // once
    bool rescan_ = true;
    bool replaced_ = false;
};

}  // namespace catflap::source
