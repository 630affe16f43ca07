// SPDX-License-Identifier: Apache-2.0
#include "source/catalog/kept_catalog.h"

#include <malloc.h>

namespace catflap::source {
namespace {

// What one save() does at most.
constexpr size_t kClaimsAtOnce = 1000;
constexpr size_t kBytesAtOnce = size_t{1} << 20;

// What a file's mark is filed under, beside the file itself.
constexpr std::string_view kWholeMark = " (whole)";
constexpr const char* kMarkKey = "mark";

}  // namespace

KeptCatalog::KeptCatalog(const std::filesystem::path& path, const std::string& source) {
    if (path.empty())
        return;
    cache_.emplace(path, source);
    follow_claims();
    for (const std::string& name : cache_->files())
        if (name.ends_with(kWholeMark))
            whole_.insert(name.substr(0, name.size() - kWholeMark.size()));
}

std::set<std::string> KeptCatalog::kept_files() const {
    return cache_ ? cache_->files() : std::set<std::string>();
}

bool KeptCatalog::restore() {
    if (!cache_ || restored_ || confirmed_)
        return restored_;
    for (const std::string& name : cache_->files()) {
        Decoded decoded = cache_->read(name);
        decoded.refusals.clear();  // told by the cache's status
        take(name, std::move(decoded));
        restored_ = true;
    }
    return restored_;
}

void KeptCatalog::restore(const std::string& file) {
    if (cache_ && !restored_ && !confirmed_)
        take(file, cache_->read(file));
}

bool KeptCatalog::restore_whole(const std::string& file) {
    if (!cache_ || confirmed_ || !whole_.contains(file))
        return false;
    Decoded decoded = cache_->read(file);
    if (!cache_->status().lost.empty())
        return false;
    decoded.refusals.clear();
    take(file, std::move(decoded));
    return true;
}

void KeptCatalog::confirm(const std::string& file) {
    if (cache_)
        confirm_.insert(file);
}

bool KeptCatalog::unsaved() const {
    return cache_ && (unseen_claims() > 0 || !confirm_.empty() || cache_->unwritten() > 0) &&
           std::chrono::steady_clock::now() >= save_again_at_;
}

Result<> KeptCatalog::save() {
    if (!cache_ || std::chrono::steady_clock::now() < save_again_at_)
        return {};
    Result<> outcome;
    // What does not fit comes again. One that is larger than all of the room has to fit, too.
    if (cache_->unwritten() < kBytesAtOnce)
        see_claims(kClaimsAtOnce, [&](const std::string& file, const std::string& key, std::optional<KeptClaim> claim) {
            if (cache_->unwritten() >= kBytesAtOnce)
                return false;
            auto noted = claim ? cache_->put(file, key, claim->stands_in, claim->manifest) : cache_->remove(file, key);
            if (!noted)
                outcome = std::move(noted);
            return true;
        });
    if (unseen_claims() == 0)
        for (const std::string& file : std::exchange(confirm_, {})) {
            const std::string mark = file + std::string(kWholeMark);
            auto done = cache_->forget(file);
            if (done)
                done = cache_->put(mark, kMarkKey, false, "");
            if (!done)
                outcome = std::move(done);
        }
    if (confirmed_ && !forgotten_ && unseen_claims() == 0) {
        forgotten_ = true;
        if (auto done = cache_->forget(); !done)
            outcome = std::move(done);
        malloc_trim(0);  // what the start needed to know of the cache is as large as its keys
    }
    if (auto written = cache_->flush(); !written) {
        save_again_at_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
        return written;
    }
    return outcome;
}

}  // namespace catflap::source
