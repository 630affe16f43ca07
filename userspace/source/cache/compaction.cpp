// SPDX-License-Identifier: Apache-2.0
#include "source/cache/compaction.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

namespace catflap::source {
namespace {

constexpr size_t kWriteAtOnce = size_t{1} << 20;

Result<> write_out(int fd, std::string& bytes) {
    size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t now = write(fd, bytes.data() + done, bytes.size() - done);
        if (now < 0 && errno != EINTR)
            return fail_errno(errno, "write");
        done += static_cast<size_t>(std::max<ssize_t>(now, 0));
    }
    bytes.clear();
    return {};
}

// Where the last record of each object is that is still claimed.
Result<std::set<uint64_t>> live_offsets(int fd, uint64_t limit) {
    std::map<std::string, RecordPlaces, std::less<>> files;
    RecordReader reader(fd, limit);
    if (auto title = reader.read_title(); !title)
        return tl::unexpected(title.error());
    std::set<uint64_t> offsets;
    for (;;) {
        const auto record = reader.next();
        if (!record)
            return tl::unexpected(record.error());
        if (!*record)
            break;
        if ((*record)->kind == Record::Kind::source) {
            offsets.insert(reader.place().offset);
            continue;
        }
        RecordPlaces& places = files[std::string((*record)->file)];
        if ((*record)->kind == Record::Kind::remove)
            places.erase(std::string((*record)->key));
        else
            places[std::string((*record)->key)] = reader.place();
    }
    for (const auto& [file, places] : files)
        for (const auto& [key, place] : places)
            offsets.insert(place.offset);
    return offsets;
}

Result<uint64_t> copy_records(int from, int to, uint64_t limit, const std::set<uint64_t>& offsets) {
    RecordReader reader(from, limit);
    if (auto title = reader.read_title(); !title)
        return tl::unexpected(title.error());
    std::string pending(kCacheTitle);
    uint64_t bytes = pending.size();
    for (;;) {
        const auto record = reader.next();
        if (!record)
            return tl::unexpected(record.error());
        if (*record && offsets.contains(reader.place().offset)) {
            pending += reader.bytes();
            bytes += reader.place().bytes;
        }
        if (pending.size() < kWriteAtOnce && *record)
            continue;
        if (auto written = write_out(to, pending); !written)
            return tl::unexpected(written.error());
        if (!*record)
            return bytes;
    }
}

}  // namespace

Result<Decoded> read_records(int fd, const std::string& file, const RecordPlaces& places) {
    std::vector<RecordPlace> in_order;
    in_order.reserve(places.size());
    for (const auto& [key, place] : places)
        in_order.push_back(place);
    std::ranges::sort(in_order, {}, &RecordPlace::offset);
    std::set<std::string> stand_ins;
    // One list: the decoder hands its elements over one by one, and starts its parser once.
    std::string list = "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[";
    for (const RecordPlace& place : in_order) {
        RecordReader reader(fd, place.offset + place.bytes);
        reader.skip_to(place.offset);
        const auto record = reader.next();
        if (!record || !*record)
            return fail("{}", record ? "a record is gone" : record.error().message);
        if ((*record)->kind == Record::Kind::put_stand_in)
            stand_ins.emplace((*record)->key);
        list.append(list.ends_with('[') ? "\n" : ",\n").append((*record)->text);
    }
    list += "\n]}\n";
    Decoded decoded = decode(list, file);
    std::erase_if(decoded.objects, [&](LocatedObject& located) {
        located.line = 0;
        auto* policy = std::get_if<Policy>(&located.object);
        if (policy == nullptr || !stand_ins.contains(object_key(located.object)))
            return false;
        policy->stands_in = true;
        decoded.stand_ins.push_back(std::move(located));
        return true;
    });
    decoded.warnings.clear();  // they were said when it was taken
    return decoded;
}

Result<CompactedFile> compact_records(const std::filesystem::path& from, const std::filesystem::path& to,
                                      uint64_t limit) {
    const UniqueFd old(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    CompactedFile compacted{UniqueFd(::open(to.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600))};
    if (!old || !compacted.fd)
        return fail_errno(errno, "open {} and {}", from.string(), to.string());
    const auto offsets = live_offsets(old.get(), limit);
    if (!offsets)
        return tl::unexpected(offsets.error());
    const auto bytes = copy_records(old.get(), compacted.fd.get(), limit, *offsets);
    if (!bytes)
        return tl::unexpected(bytes.error());
    compacted.bytes = *bytes;
    if (fsync(compacted.fd.get()) != 0)
        return fail_errno(errno, "write {} to the disk", to.string());
    return compacted;
}

}  // namespace catflap::source
