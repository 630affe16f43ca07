// SPDX-License-Identifier: Apache-2.0
// What is in force, object by object, on disk: so that "the last good version" outlives the agent. Of whatever source:
// a `file` is the part of it that claims the object.
#pragma once

#include <chrono>
#include <filesystem>
#include <future>
#include <map>
#include <set>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "source/cache/compaction.h"
#include "source/cache/record.h"
#include "source/decode/decode.h"

namespace catflap::source {

struct CacheStatus {
    std::filesystem::path path;
    std::string lost;   // what of it could not be read at the start; "": nothing
    std::string error;  // why it cannot be written; "": it can
    uint64_t bytes = 0;
    std::chrono::system_clock::time_point saved_at{};  // the last change that it has; the epoch: it has none
};

class Cache {
  public:
    // Reads what is there. What is damaged, of another layout or of another source is told in status(), never a
    // failure.
    Cache(std::filesystem::path path, const std::string& source);
    ~Cache();
    Cache(Cache&&) noexcept = default;
    Cache& operator=(Cache&&) noexcept = default;

    // ---- What it held when it was opened, until forget() ----
    [[nodiscard]] std::set<std::string> files() const;
    // In the place of a manifest's: what this file had in force.
    [[nodiscard]] Decoded read(const std::string& file);
    // Everything is as put() and remove() say from now on: what was not put since the start is gone.
    Result<> forget();
    // The same of one file.
    Result<> forget(const std::string& file);

    // ---- Changes, written by flush() ----
    Result<> put(const std::string& file, const std::string& key, bool stands_in, const std::string& text);
    Result<> remove(const std::string& file, const std::string& key);
    // One write. After a failure what was to be written is still to be written.
    Result<> flush();

    [[nodiscard]] size_t unwritten() const { return batch_.size(); }
    [[nodiscard]] const CacheStatus& status() const { return status_; }

  private:
    Result<> open();
    Result<> load();
    Result<> check_source(RecordReader& reader) const;
    Result<> load_records(RecordReader& reader);
    void start_anew();
    Result<> write_batch();
    void compact_if_due();
    Result<> take_compacted();
    Result<> replace_by(CompactedFile compacted);

    std::string source_;
    CacheStatus status_;
    UniqueFd fd_;
    std::map<std::string, RecordPlaces> known_;  // of the start, as far as put() has not confirmed it
    std::string batch_;
    uint64_t live_ = 0;  // bytes of it that counted when that was counted last
    std::future<Result<CompactedFile>> compacting_;
    uint64_t compacting_to_ = 0;
};

}  // namespace catflap::source
