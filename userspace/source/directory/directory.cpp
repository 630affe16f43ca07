// SPDX-License-Identifier: Apache-2.0
#include "source/directory/directory.h"

#include "source/directory/directory_state.h"

namespace catflap::source {

Result<Directory> Directory::open(const std::filesystem::path& path, const DirectoryOptions& options) {
    Result<Watch> watch = Watch::open(path);
    if (!watch)
        return tl::unexpected(watch.error());
    Directory directory(std::make_unique<State>(path, std::move(*watch), options));
    if (const Result<bool> read = directory.refresh(); !read && !directory.state_->catalog.restore())
        return tl::unexpected(read.error());
    directory.state_->catalog.publish();
    return directory;
}

Directory::Directory(std::unique_ptr<State> state) : state_(std::move(state)) {}
Directory::Directory(Directory&&) noexcept = default;
Directory& Directory::operator=(Directory&&) noexcept = default;
Directory::~Directory() = default;

int Directory::fd() const {
    return state_->watch.fd();
}

std::string Directory::describe() const {
    return "directory " + state_->path.string();
}

Result<bool> Directory::refresh(bool patient) {
    return state_->refresh(patient);
}
void Directory::expect_pods_of(const std::string& node) {
    state_->expect_pods_of(node);
}
bool Directory::emptied_on_purpose() const {
    return std::filesystem::exists(std::filesystem::symlink_status(state_->path / kEmptiedOnPurpose));
}

bool Directory::unsaved() const {
    return state_->catalog.unsaved();
}
Result<> Directory::save() {
    return state_->catalog.save();
}
const CacheStatus* Directory::cache_status() const {
    return state_->catalog.cache_status();
}

void Directory::doubt() {
    state_->doubt();
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
