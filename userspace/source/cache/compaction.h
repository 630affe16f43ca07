// SPDX-License-Identifier: Apache-2.0
// What is done with all of a cache's file at once.
#pragma once

#include <filesystem>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "base/unique_fd.h"
#include "source/cache/record.h"
#include "source/decode/decode.h"

namespace catflap::source {

using RecordPlaces = std::unordered_map<std::string, RecordPlace>;  // by object key

// The objects of these records, which are those of one file.
Result<Decoded> read_records(int fd, const std::string& file, const RecordPlaces& places);

struct CompactedFile {
    UniqueFd fd;
    uint64_t bytes = 0;
};
// Writes those of the first `limit` bytes that still count into a new file, and waits for the disk.
Result<CompactedFile> compact_records(const std::filesystem::path& from, const std::filesystem::path& to,
                                      uint64_t limit);

}  // namespace catflap::source
