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
#include "source/decode/decode.h"

namespace catflap::source {

class Directory {
  public:
    // Reads every manifest and starts to watch. Fails where the directory cannot be read; bad manifests are not a
    // failure, they are in refusals().
    static Result<Directory> open(const std::filesystem::path& path);
    Directory(Directory&&) noexcept;
    Directory& operator=(Directory&&) noexcept;
    ~Directory();

    // Readable (poll) when refresh() has something to do.
    [[nodiscard]] int fd() const;

    // Takes in every change made to the directory before the call. True: cluster(), refusals() or warnings() changed.
    // Fails where the directory has gone or cannot be read: what it held last stays, and a later call recovers.
    Result<bool> refresh();

    [[nodiscard]] const Cluster& cluster() const;
    // What refresh() changed in it since the last take_changes().
    [[nodiscard]] const Changes& changes() const;
    Changes take_changes();
    [[nodiscard]] const std::vector<Diagnostic>& refusals() const;
    [[nodiscard]] const std::vector<Diagnostic>& warnings() const;

  private:
    struct State;
    explicit Directory(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace catflap::source
