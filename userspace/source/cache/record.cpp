// SPDX-License-Identifier: Apache-2.0
#include "source/cache/record.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

namespace catflap::source {
namespace {

constexpr size_t kReadAtOnce = size_t{1} << 20;
constexpr uint32_t kLongestText = uint32_t{512} << 20;  // a manifest file has no more either

// In the byte order of the machine: the file does not leave it.
struct Header {
    uint32_t checksum = 0;  // of everything behind it
    uint32_t text_bytes = 0;
    uint16_t file_bytes = 0;
    uint16_t key_bytes = 0;
    uint32_t kind = 0;
    uint64_t seconds = 0;
};
static_assert(sizeof(Header) == 24);

uint32_t checksum_of(const char* record, size_t bytes) {
    constexpr size_t kSkip = sizeof(Header::checksum);
    return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const unsigned char*>(record) + kSkip, bytes - kSkip));
}

}  // namespace

Result<uint32_t> append_record(std::string& to, const Record& record) {
    constexpr size_t kLongestName = std::numeric_limits<uint16_t>::max();
    if (record.file.size() > kLongestName || record.key.size() > kLongestName || record.text.size() > kLongestText)
        return fail("cache {} of {}: it is too long for a record", record.key, record.file);
    const Header header{0,
                        static_cast<uint32_t>(record.text.size()),
                        static_cast<uint16_t>(record.file.size()),
                        static_cast<uint16_t>(record.key.size()),
                        static_cast<uint32_t>(record.kind),
                        record.seconds};
    const size_t begin = to.size();
    to.append(reinterpret_cast<const char*>(&header), sizeof(header));
    to.append(record.file).append(record.key).append(record.text).append("\n");
    const uint32_t checksum = checksum_of(to.data() + begin, to.size() - begin);
    to.replace(begin, sizeof(checksum), reinterpret_cast<const char*>(&checksum), sizeof(checksum));
    return checksum;
}

Result<> RecordReader::fill(size_t bytes) {
    if (available() >= bytes)
        return {};
    buffer_.erase(0, begin_);
    begin_ = 0;
    while (buffer_.size() < bytes && read_ < limit_) {
        const size_t used = buffer_.size();
        const auto want = static_cast<size_t>(std::min<uint64_t>(std::max(bytes - used, kReadAtOnce), limit_ - read_));
        buffer_.resize(used + want);
        const ssize_t got = pread(fd_, buffer_.data() + used, want, static_cast<off_t>(read_));
        buffer_.resize(used + static_cast<size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(errno, "read at byte {}", read_);
        if (got == 0)
            break;
        read_ += static_cast<uint64_t>(got);
    }
    return {};
}

Result<> RecordReader::read_title() {
    if (auto filled = fill(kCacheTitle.size()); !filled)
        return filled;
    if (!std::string_view(buffer_).starts_with(kCacheTitle))
        return fail("it has another layout than this version of catflap writes");
    begin_ = kCacheTitle.size();
    end_ = begin_;
    return {};
}

Result<std::optional<Record>> RecordReader::next() {
    if (auto filled = fill(sizeof(Header)); !filled)
        return tl::unexpected(filled.error());
    if (available() == 0)
        return std::nullopt;
    Header header;
    if (available() < sizeof(header))
        return fail("the record at byte {} is cut off", end_);
    std::copy_n(buffer_.data() + begin_, sizeof(header), reinterpret_cast<char*>(&header));
    const size_t bytes = sizeof(header) + header.file_bytes + header.key_bytes + size_t{header.text_bytes} + 1;
    if (end_ + bytes > limit_)
        return fail("the record at byte {} is cut off, or damaged", end_);
    if (auto filled = fill(bytes); !filled)
        return tl::unexpected(filled.error());
    if (available() < bytes || checksum_of(buffer_.data() + begin_, bytes) != header.checksum)
        return fail("the record at byte {} is damaged", end_);
    if (header.kind < static_cast<uint32_t>(Record::Kind::source) ||
        header.kind > static_cast<uint32_t>(Record::Kind::remove))
        return fail("the record at byte {} is of a kind that this version of catflap does not know", end_);
    place_ = {end_, header.seconds, static_cast<uint32_t>(bytes), header.checksum};
    std::string_view rest = std::string_view(buffer_).substr(begin_ + sizeof(header), bytes - sizeof(header) - 1);
    const std::string_view file = rest.substr(0, header.file_bytes);
    const std::string_view key = rest.substr(header.file_bytes, header.key_bytes);
    rest.remove_prefix(size_t{header.file_bytes} + header.key_bytes);
    begin_ += bytes;
    end_ += bytes;
    return Record{static_cast<Record::Kind>(header.kind), header.seconds, file, key, rest};
}

}  // namespace catflap::source
