// SPDX-License-Identifier: Apache-2.0
#include "source/directory/directory.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>
#include <set>

#include "source/directory/catalog.h"
#include "source/directory/manifest.h"
#include "source/directory/watch.h"

namespace catflap::source {
namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { closedir(directory); }
};

Result<std::set<std::string>> list_manifests(const std::filesystem::path& path) {
    const std::unique_ptr<DIR, CloseDirectory> directory(opendir(path.c_str()));
    if (!directory)
        return fail_errno(errno, "read {}", path.string());
    std::set<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(directory.get())) {
        if (is_manifest_name(entry->d_name))
            names.insert(entry->d_name);
        errno = 0;
    }
    if (errno != 0)
        return fail_errno(errno, "read {}", path.string());
    return names;
}

// kubelet switches all files of a mounted ConfigMap at once, by renaming the link that they point
// through.
bool is_switch(const std::string& name) {
    return name.starts_with("..");
}

}  // namespace

struct Directory::State {
    State(std::filesystem::path where, Watch watcher) : path(std::move(where)), watch(std::move(watcher)) {}

    // No stamp: it could not be read.
    using Files = std::map<std::string, std::optional<FileStamp>>;

    Result<> take_events(const WatchEvents& events);
    Result<> rescan();
    void take_event(const std::string& name, uint32_t mask);
    void retry_unread();
    void read(const std::string& name);
    void remove(const std::string& name);

    std::filesystem::path path;
    Watch watch;
    Catalog catalog;
    Files files;
};

Result<> Directory::State::take_events(const WatchEvents& events) {
    bool all = events.rescan;
    for (const auto& [name, mask] : events.names)
        all = all || is_switch(name);
    for (const auto& [name, mask] : events.names)
        if (is_manifest_name(name))
            take_event(name, mask);
    retry_unread();
    return all ? rescan() : Result<>{};
}

Result<> Directory::State::rescan() {
    const Result<std::set<std::string>> names = list_manifests(path);
    if (!names)
        return tl::unexpected(names.error());
    const Files before = files;
    for (const auto& [name, stamp] : before)
        if (!names->contains(name))
            remove(name);
    for (const std::string& name : *names) {
        struct stat status {};
        const auto known = files.find(name);
        const bool same = known != files.end() && known->second && stat((path / name).c_str(), &status) == 0 &&
                          *known->second == stamp_of(status);
        if (!same)
            read(name);
    }
    return {};
}

void Directory::State::take_event(const std::string& name, uint32_t mask) {
    const std::filesystem::path file = path / name;
    struct stat status {};
    if (lstat(file.c_str(), &status) != 0 && errno == ENOENT)
        return remove(name);
    const bool complete = (mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0;
    // A link is complete as soon as it is there. Any other new file is complete when it is closed.
    const bool linked = (mask & IN_CREATE) != 0 && (!S_ISREG(status.st_mode) || status.st_nlink > 1);
    const bool forbidden = (mask & IN_ATTRIB) != 0 && files.contains(name) && access(file.c_str(), R_OK) != 0;
    if (complete || linked || forbidden)
        read(name);
}

void Directory::State::retry_unread() {
    std::vector<std::string> unread;
    for (const auto& [name, stamp] : files)
        if (!stamp)
            unread.push_back(name);
    for (const std::string& name : unread)
        read(name);
}

void Directory::State::read(const std::string& name) {
    Result<ManifestText> manifest = read_manifest(path / name);
    if (!manifest && manifest.error().code == ENOENT) {
        struct stat link {};
        if (lstat((path / name).c_str(), &link) != 0)
            return remove(name);  // gone meanwhile; a link that leads nowhere is still there
    }
    if (manifest) {
        files[name] = manifest->stamp;
        catalog.take(name, decode(manifest->text, name));
        return;
    }
    files[name] = std::nullopt;
    Decoded nothing;
    nothing.unreadable = true;
    nothing.refusals.push_back({name, 0, "", "", manifest.error().message});
    catalog.take(name, std::move(nothing));
}

void Directory::State::remove(const std::string& name) {
    files.erase(name);
    catalog.remove(name);
}

Result<Directory> Directory::open(const std::filesystem::path& path) {
    Result<Watch> watch = Watch::open(path);
    if (!watch)
        return tl::unexpected(watch.error());
    Directory directory(std::make_unique<State>(path, std::move(*watch)));
    if (const Result<bool> read = directory.refresh(); !read)
        return tl::unexpected(read.error());
    return directory;
}

Directory::Directory(std::unique_ptr<State> state) : state_(std::move(state)) {}
Directory::Directory(Directory&&) noexcept = default;
Directory& Directory::operator=(Directory&&) noexcept = default;
Directory::~Directory() = default;

int Directory::fd() const {
    return state_->watch.fd();
}

Result<bool> Directory::refresh() {
    const Result<WatchEvents> events = state_->watch.take();
    if (!events)
        return tl::unexpected(events.error());
    const Result<> taken = state_->take_events(*events);
    if (!taken) {
        state_->watch.retry_later();
        return tl::unexpected(taken.error());
    }
    return state_->catalog.publish();
}

const Cluster& Directory::cluster() const {
    return state_->catalog.cluster();
}
const Changes& Directory::changes() const {
    return state_->catalog.changes();
}
Changes Directory::take_changes() {
    return state_->catalog.take_changes();
}
const std::vector<Diagnostic>& Directory::refusals() const {
    return state_->catalog.refusals();
}
const std::vector<Diagnostic>& Directory::warnings() const {
    return state_->catalog.warnings();
}

}  // namespace catflap::source
