// SPDX-License-Identifier: Apache-2.0
// A directory of manifests (*.yaml, *.yml, *.json), watched by inotify.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/changes.h"
#include "model/cluster.h"
#include "source/cache/cache.h"
#include "source/decode/decode.h"

namespace catflap::source {

// In the directory, it says that a source without manifests, or without Pods of this node, is meant.
constexpr const char* kEmptiedOnPurpose = "emptied-on-purpose";

struct DirectoryOptions {
    std::string node;             // as expect_pods_of()
    std::filesystem::path cache;  // where what is in force outlives the process; "": nowhere
};

class Directory {
  public:
    // Reads every manifest and starts to watch. Fails where the directory cannot be read and no cache knows what it
    // held; bad manifests are not a failure, they are in refusals().
    static Result<Directory> open(const std::filesystem::path& path, const DirectoryOptions& options = {});
    Directory(Directory&&) noexcept;
    Directory& operator=(Directory&&) noexcept;
    ~Directory();

    // Readable (poll) when refresh() has something to do.
    [[nodiscard]] int fd() const;

    // Takes in every change made to the directory before the call. True: cluster(), refusals() or warnings() changed.
    // Fails where the directory has gone or cannot be read, and where it looks emptied: no manifest is left, or no Pod
    // of the expected node, or it is another directory and has no policy any more. What it held last stays then, all of
    // it, and a later call recovers. patient: a policy whose file is gone, and a directory that was away, are looked at
    // again a second later before they are believed.
    Result<bool> refresh(bool patient = false);
    // The node whose last Pod does not go away in silence; "": Pods may go.
    void expect_pods_of(const std::string& node);
    [[nodiscard]] bool emptied_on_purpose() const;
    // The next refresh() compares every file with what it was, whatever was heard of it.
    void doubt();

    [[nodiscard]] const Cluster& cluster() const;
    // What refresh() changed in it since the last take_changes().
    [[nodiscard]] const Changes& changes() const;
    Changes take_changes();
    [[nodiscard]] const std::vector<Diagnostic>& refusals() const;
    [[nodiscard]] const std::vector<Diagnostic>& warnings() const;

    // ---- The cache ----
    // Whether save() has something to do now.
    [[nodiscard]] bool unsaved() const;
    // Writes a part of what changed, at most some milliseconds' worth; to be called when it is enforced.
    Result<> save();
    // Nothing: there is none.
    [[nodiscard]] const CacheStatus* cache_status() const;

  private:
    struct State;
    explicit Directory(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace catflap::source
