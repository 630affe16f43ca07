// SPDX-License-Identifier: Apache-2.0
// How a directory is read: look what is new, decide whether it can be meant, take it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>

#include "source/catalog/kept_catalog.h"
#include "source/directory/directory.h"
#include "source/directory/manifest.h"
#include "source/directory/watch.h"

namespace catflap::source {

struct Directory::State {
    using Clock = std::chrono::steady_clock;
    // No stamp: it could not be read.
    using Files = std::map<std::string, std::optional<FileStamp>>;
    // What is to be read, and what is not there any more.
    struct Look {
        std::set<std::string> changed;
        std::set<std::string> gone;
    };
    // What was read, not taken yet.
    struct Reading {
        Proposal proposal;
        Files stamps;
    };

    State(std::filesystem::path where, Watch watcher, const DirectoryOptions& options);

    Result<bool> refresh(bool patient);
    void expect_pods_of(const std::string& name);
    // The next refresh() compares every file with what it was.
    void doubt() { doubted = true; }

  private:
    Result<Files> list() const;
    void look_at(const WatchEvents& events, Look& look) const;
    void look_at(const std::string& name, uint32_t mask, Look& look) const;
    void look_at(const Files& listing, Look& look) const;
    void look_again(Look& look);
    [[nodiscard]] Reading read(const Look& look) const;
    Result<> judge(const Reading& reading);
    [[nodiscard]] std::string what_is_missing(const Reading& reading) const;
    void take(Reading reading, bool patient);
    void remove(const std::string& name, bool patient);
    // What is in force stays so; the next look is at everything.
    tl::unexpected<Error> stay(Error why);

  public:
    std::filesystem::path path;
    Watch watch;
    KeptCatalog catalog;

  private:
    std::string node;
    Files files;
    std::map<std::string, Clock::time_point> vanished;  // files that hold a policy, since when they are gone
    bool begun = false;                                 // something was taken, and the cache is not needed any more
    // The directory was away, was replaced or looked emptied: nothing is taken before it is at rest and in order.
    bool uncertain = false;
    bool replaced = false;
    bool doubted = false;
    Files last_listing;
    std::optional<Error> trouble;          // why the last look was not taken
    std::optional<Files> refused_listing;  // what was there then, where it looked emptied
};

}  // namespace catflap::source
