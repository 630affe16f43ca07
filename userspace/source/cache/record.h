// SPDX-License-Identifier: Apache-2.0
// The cache's file: a line that names the layout, then records, each with its own checksum. It is only appended to, so
// whatever interrupts a write leaves the records before it whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace catflap::source {

// The layout's version is part of it. What the records hold are manifests, which outlive a layout.
constexpr std::string_view kCacheTitle = "catflap last-good cache, layout 1\n";

struct Record {
    enum class Kind : uint32_t {
        source = 1,  // the first record: `file` says of which source the others are
        put,         // `file` holds the object `key`, as `text`
        put_stand_in,
        remove,  // it does not any more
    };
    Kind kind = Kind::put;
    uint64_t seconds = 0;  // since 1970
    std::string_view file;
    std::string_view key;
    std::string_view text;
};

struct RecordPlace {
    uint64_t offset = 0;
    uint64_t seconds = 0;
    uint32_t bytes = 0;
    uint32_t checksum = 0;
};

// Fails where a part is longer than a record can hold. The checksum is that of the whole record.
Result<uint32_t> append_record(std::string& to, const Record& record);

// Reads the records of a descriptor from its beginning, with a buffer of its own.
class RecordReader {
  public:
    // limit: bytes of the file that are to be read.
    RecordReader(int fd, uint64_t limit) : fd_(fd), limit_(limit) {}

    Result<> read_title();
    // Before the first read: on from a record of which it is known where it begins.
    void skip_to(uint64_t offset) { read_ = end_ = offset; }
    // Valid until the next call. Nothing: the end. Fails at the first record that is damaged or cut off.
    Result<std::optional<Record>> next();
    // The one that next() returned.
    [[nodiscard]] const RecordPlace& place() const { return place_; }
    [[nodiscard]] std::string_view bytes() const {
        return std::string_view(buffer_).substr(begin_ - place_.bytes, place_.bytes);
    }
    // Where the last good record ends.
    [[nodiscard]] uint64_t end() const { return end_; }

  private:
    // At least so many bytes from begin_ on, or as many as there are.
    Result<> fill(size_t bytes);
    [[nodiscard]] size_t available() const { return buffer_.size() - begin_; }

    int fd_;
    uint64_t limit_;
    uint64_t read_ = 0;  // of the file
    uint64_t end_ = 0;
    std::string buffer_;
    size_t begin_ = 0;
    RecordPlace place_;
};

}  // namespace catflap::source
