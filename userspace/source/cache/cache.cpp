// SPDX-License-Identifier: Apache-2.0
#include "source/cache/cache.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "source/cache/compaction.h"

namespace catflap::source {
namespace {

using Clock = std::chrono::system_clock;

// Below that, it is not worth the while.
constexpr uint64_t kSlack = uint64_t{1} << 20;
constexpr int kNicest = 19;

uint64_t now_s() {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(Clock::now().time_since_epoch()).count());
}

std::filesystem::path beside(const std::filesystem::path& path) {
    return path.string() + ".new";
}

Result<> write_all(int fd, std::string_view bytes, uint64_t at) {
    while (!bytes.empty()) {
        const ssize_t done = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fail_errno(errno, "write");
        bytes.remove_prefix(static_cast<size_t>(done));
        at += static_cast<uint64_t>(done);
    }
    return {};
}

}  // namespace

Cache::Cache(std::filesystem::path path, const std::string& source) : source_(source) {
    status_.path = std::move(path);
    unlink(beside(status_.path).c_str());  // of an agent that was killed while it wrote it
    if (auto opened = open(); !opened) {
        status_.error = opened.error().message;
        return;
    }
    if (auto loaded = load(); !loaded)
        status_.lost = loaded.error().message;
}

Cache::~Cache() = default;

Result<> Cache::open() {
    fd_.reset(::open(status_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd_)
        return fail_errno(errno, "open {}", status_.path.string());
    struct stat file {};
    if (fstat(fd_.get(), &file) != 0 || !S_ISREG(file.st_mode)) {
        fd_.reset();
        return fail("open {}: it is not a file; remove it", status_.path.string());
    }
    status_.bytes = static_cast<uint64_t>(file.st_size);
    return {};
}

// Of another layout or source: nothing counts.
Result<> Cache::check_source(RecordReader& reader) const {
    if (auto title = reader.read_title(); !title)
        return title;
    const auto record = reader.next();
    if (!record)
        return tl::unexpected(record.error());
    if (!*record || (*record)->kind != Record::Kind::source)
        return fail("it does not say of which source it is");
    if ((*record)->file != source_)
        return fail("it is of {}, and not of {}", (*record)->file, source_);
    return {};
}

// Whatever cannot be read is cut off, so that what is appended can be read again.
Result<> Cache::load() {
    if (status_.bytes == 0) {
        start_anew();
        return {};
    }
    RecordReader reader(fd_.get(), status_.bytes);
    if (auto good = check_source(reader); !good) {
        start_anew();
        return fail_because(good.error(), "nothing of {} counts", status_.path.string());
    }
    auto read = load_records(reader);
    if (read)
        return {};
    const uint64_t lost = std::exchange(status_.bytes, reader.end()) - reader.end();
    if (ftruncate(fd_.get(), static_cast<off_t>(status_.bytes)) != 0)
        start_anew();
    return fail("{}: {}; it and what followed, {} bytes, does not count", status_.path.string(), read.error().message,
                lost);
}

Result<> Cache::load_records(RecordReader& reader) {
    live_ = reader.end();
    uint64_t seconds = 0;
    auto record = reader.next();
    for (; record && *record; record = reader.next()) {
        seconds = std::max(seconds, (*record)->seconds);
        RecordPlaces& places = known_[std::string((*record)->file)];
        const std::string key((*record)->key);
        if ((*record)->kind == Record::Kind::remove)
            places.erase(key);
        else
            places[key] = reader.place();
    }
    for (const auto& [file, places] : known_)
        for (const auto& [key, place] : places)
            live_ += place.bytes;
    std::erase_if(known_, [](const auto& entry) { return entry.second.empty(); });
    status_.saved_at = Clock::time_point(std::chrono::seconds(seconds));
    return record ? Result<>{} : tl::unexpected(record.error());
}

void Cache::start_anew() {
    known_.clear();
    status_.bytes = 0;
    const std::string waiting = std::exchange(batch_, std::string(kCacheTitle));
    // The source's name is short: it fits.
    if (ftruncate(fd_.get(), 0) != 0 || !append_record(batch_, {Record::Kind::source, now_s(), source_, {}, {}}))
        status_.error = fmt::format("{} cannot be written anew", status_.path.string());
    live_ = batch_.size();
    batch_ += waiting;
}

std::set<std::string> Cache::files() const {
    std::set<std::string> names;
    for (const auto& [file, places] : known_)
        names.insert(file);
    return names;
}

Decoded Cache::read(const std::string& file) {
    const auto found = known_.find(file);
    if (found == known_.end() || found->second.empty())
        return {};
    Result<Decoded> decoded = read_records(fd_.get(), file, found->second);
    if (decoded && decoded->refusals.empty())
        return std::move(*decoded);
    const std::string why = decoded ? to_string(decoded->refusals.front()) : decoded.error().message;
    status_.lost = fmt::format("{}: what {} held last cannot be read: {}", status_.path.string(), file, why);
    return decoded ? std::move(*decoded) : Decoded{};
}

Result<> Cache::forget() {
    for (const auto& [file, places] : std::exchange(known_, {}))
        for (const auto& [key, place] : places)
            if (auto removed = remove(file, key); !removed)
                return removed;
    return {};
}

Result<> Cache::forget(const std::string& file) {
    const auto places = known_.extract(file);
    if (!places.empty())
        for (const auto& [key, place] : places.mapped())
            if (auto removed = remove(file, key); !removed)
                return removed;
    return {};
}

Result<> Cache::put(const std::string& file, const std::string& key, bool stands_in, const std::string& text) {
    Record record{stands_in ? Record::Kind::put_stand_in : Record::Kind::put, now_s(), file, key, text};
    if (const auto places = known_.find(file); places != known_.end())
        if (const auto known = places->second.find(key); known != places->second.end()) {
            std::string same;
            const RecordPlace place = known->second;
            places->second.erase(known);
            if (append_record(same, {record.kind, place.seconds, file, key, text}) == place.checksum)
                return {};
        }
    const auto added = append_record(batch_, record);
    return added ? Result<>{} : tl::unexpected(added.error());
}

Result<> Cache::remove(const std::string& file, const std::string& key) {
    const auto added = append_record(batch_, {Record::Kind::remove, now_s(), file, key, {}});
    return added ? Result<>{} : tl::unexpected(added.error());
}

Result<> Cache::flush() {
    auto done = take_compacted();
    if (done)
        done = write_batch();
    status_.error = done ? "" : done.error().message;
    return done;
}

Result<> Cache::write_batch() {
    if (batch_.empty())
        return {};
    if (!fd_) {
        if (auto opened = open(); !opened)
            return opened;
        start_anew();  // nobody has read what may be there
    }
    if (auto written = write_all(fd_.get(), batch_, status_.bytes); !written) {
        // Half a record is the end of what can be read.
        if (ftruncate(fd_.get(), static_cast<off_t>(status_.bytes)) != 0)
            return fail_errno(errno, "cut off half a record of {}", status_.path.string());
        return fail_because(written.error(), "{}", status_.path.string());
    }
    status_.bytes += batch_.size();
    std::exchange(batch_, {});
    status_.saved_at = Clock::now();
    compact_if_due();
    return {};
}

// In a thread: it reads and writes all of it.
void Cache::compact_if_due() {
    if (compacting_.valid() || status_.bytes <= 2 * live_ + kSlack)
        return;
    compacting_to_ = status_.bytes;
    compacting_ =
        std::async(std::launch::async, [from = status_.path, to = beside(status_.path), limit = compacting_to_] {
            (void)setpriority(PRIO_PROCESS, 0, kNicest);  // of this thread: nobody waits for it
            return compact_records(from, to, limit);
        });
}

Result<> Cache::take_compacted() {
    if (!compacting_.valid() || compacting_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
        return {};
    Result<CompactedFile> compacted = compacting_.get();
    auto done = compacted ? replace_by(std::move(*compacted)) : tl::unexpected(compacted.error());
    if (done)
        return {};
    live_ = status_.bytes;  // not again before it has doubled: the old file is as good
    unlink(beside(status_.path).c_str());
    return fail_because(done.error(), "compact {}", status_.path.string());
}

// What was appended meanwhile comes behind it; then it takes the old one's place in one step.
Result<> Cache::replace_by(CompactedFile compacted) {
    std::string tail(status_.bytes - compacting_to_, '\0');
    const ssize_t got = pread(fd_.get(), tail.data(), tail.size(), static_cast<off_t>(compacting_to_));
    if (got != static_cast<ssize_t>(tail.size()))
        return fail_errno(got < 0 ? errno : EIO, "read what came meanwhile");
    if (auto written = write_all(compacted.fd.get(), tail, compacted.bytes); !written)
        return written;
    if (rename(beside(status_.path).c_str(), status_.path.c_str()) != 0)
        return fail_errno(errno, "rename {}", beside(status_.path).string());
    fd_ = std::move(compacted.fd);
    live_ = compacted.bytes;
    status_.bytes = compacted.bytes + tail.size();
    return {};
}

}  // namespace catflap::source
