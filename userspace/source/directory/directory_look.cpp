// SPDX-License-Identifier: Apache-2.0
// What is new in the directory.
#include <dirent.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "source/directory/directory_state.h"

namespace catflap::source {
namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { closedir(directory); }
};

bool is_gone(const std::filesystem::path& file) {
    struct stat status {};
    return lstat(file.c_str(), &status) != 0 && errno == ENOENT;
}

}  // namespace

Result<Directory::State::Files> Directory::State::list() const {
    const std::unique_ptr<DIR, CloseDirectory> directory(opendir(path.c_str()));
    if (!directory)
        return fail_errno(errno, "read {}", path.string());
    Files listing;
    errno = 0;
    while (const dirent* entry = readdir(directory.get())) {
        const std::string name = entry->d_name;
        struct stat status {};
        if (is_manifest_name(name) || name == kEmptiedOnPurpose)
            listing[name] = stat((path / name).c_str(), &status) == 0 ? std::optional(stamp_of(status)) : std::nullopt;
        errno = 0;
    }
    if (errno != 0)
        return fail_errno(errno, "read {}", path.string());
    return listing;
}

void Directory::State::look_at(const WatchEvents& events, Look& look) const {
    for (const auto& [name, mask] : events.names)
        if (is_manifest_name(name))
            look_at(name, mask, look);
}

void Directory::State::look_at(const std::string& name, uint32_t mask, Look& look) const {
    const std::filesystem::path file = path / name;
    struct stat status {};
    if (lstat(file.c_str(), &status) != 0 && errno == ENOENT) {
        look.gone.insert(name);
        return;
    }
    const bool complete = (mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0;
    // A link is complete as soon as it is there. Any other new file is complete when it is closed.
    const bool linked = (mask & IN_CREATE) != 0 && (!S_ISREG(status.st_mode) || status.st_nlink > 1);
    const bool forbidden = (mask & IN_ATTRIB) != 0 && files.contains(name) && access(file.c_str(), R_OK) != 0;
    if (complete || linked || forbidden)
        look.changed.insert(name);
}

void Directory::State::look_at(const Files& listing, Look& look) const {
    for (const auto& [name, stamp] : files)
        // A listing may miss what is renamed meanwhile.
        if (!listing.contains(name) && is_gone(path / name))
            look.gone.insert(name);
    for (const auto& [name, stamp] : listing) {
        const auto known = files.find(name);
        if (is_manifest_name(name) && (known == files.end() || !known->second || known->second != stamp))
            look.changed.insert(name);
    }
}

// What could not be read, or was gone already, may have come back.
void Directory::State::look_again(Look& look) {
    std::erase_if(vanished, [&](const auto& entry) {
        const bool gone = is_gone(path / entry.first);
        if (gone)
            look.gone.insert(entry.first);
        return !gone;
    });
    for (const auto& [name, stamp] : files)
        if (!stamp && !look.gone.contains(name))
            look.changed.insert(name);
}

Directory::State::Reading Directory::State::read(const Look& look) const {
    Reading reading;
    reading.proposal.removed.assign(look.gone.begin(), look.gone.end());
    for (const std::string& name : look.changed) {
        Result<ManifestText> manifest = read_manifest(path / name);
        // A link that leads nowhere is still there.
        if (!manifest && manifest.error().code == ENOENT && is_gone(path / name)) {
            if (!look.gone.contains(name))
                reading.proposal.removed.push_back(name);
            continue;
        }
        Decoded decoded;
        if (manifest) {
            decoded = decode(manifest->text, name);
            reading.stamps[name] = manifest->stamp;
        } else {
            decoded.unreadable = true;
            decoded.refusals.push_back({name, 0, "", "", manifest.error().message});
            reading.stamps[name] = std::nullopt;
        }
        reading.proposal.taken.emplace(name, std::move(decoded));
    }
    return reading;
}

}  // namespace catflap::source
