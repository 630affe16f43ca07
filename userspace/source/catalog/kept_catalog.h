// SPDX-License-Identifier: Apache-2.0
// A catalog whose last good versions outlive the process in a cache.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "source/cache/cache.h"
#include "source/catalog/catalog.h"

namespace catflap::source {

class KeptCatalog : public Catalog {
  public:
    // path: of the cache; "": nothing outlives the process. source: a cache of another one is not read.
    KeptCatalog(const std::filesystem::path& path, const std::string& source);

    // The files that the cache knew at the start.
    [[nodiscard]] std::set<std::string> kept_files() const;
    // Takes in everything that the cache knew at the start, instead of what cannot be read. False: it knew nothing.
    bool restore();
    [[nodiscard]] bool restored() const { return restored_; }
    // Takes in what the cache knew of one file, before its present text, which is not good in all of its parts.
    void restore(const std::string& file);
    // Takes in what the cache knew of one file, in its place. False: it may not have been all that the file held.
    bool restore_whole(const std::string& file);
    // The file was read as a whole: after the next save() the cache knows nothing else of it, and that this is all.
    void confirm(const std::string& file);
    // What the source holds was read as a whole: after the next save() the cache knows nothing else.
    void confirm() { confirmed_ = true; }

    [[nodiscard]] bool unsaved() const;
    // Writes a part of what changed. After a failure what was to be written is there still.
    Result<> save();
    // nullptr: there is no cache.
    [[nodiscard]] const CacheStatus* cache_status() const { return cache_ ? &cache_->status() : nullptr; }

  private:
    std::optional<Cache> cache_;
    std::set<std::string> whole_;    // files that were whole in the cache at the start
    std::set<std::string> confirm_;  // files to be marked as whole
    bool restored_ = false;
    bool confirmed_ = false;
    bool forgotten_ = false;  // what the cache held at the start
    std::chrono::steady_clock::time_point save_again_at_{};
};

}  // namespace catflap::source
