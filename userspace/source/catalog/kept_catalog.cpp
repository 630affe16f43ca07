// SPDX-License-Identifier: Apache-2.0
#include "source/catalog/kept_catalog.h"

#include <malloc.h>

namespace catflap::source {
namespace {

// What one save() does at most.
constexpr size_t kClaimsAtOnce = 1000;
constexpr size_t kBytesAtOnce = size_t{1} << 20;

}  // namespace

KeptCatalog::KeptCatalog(const std::filesystem::path& path, const std::string& source) {
    if (path.empty())
        return;
    cache_.emplace(path, source);
    follow_claims();
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

bool KeptCatalog::unsaved() const {
    return cache_ && (unseen_claims() > 0 || cache_->unwritten() > 0) &&
           std::chrono::steady_clock::now() >= save_again_at_;
}

Result<> KeptCatalog::save() {
    if (!cache_ || std::chrono::steady_clock::now() < save_again_at_)
        return {};
    Result<> outcome;
    if (cache_->unwritten() < kBytesAtOnce)
        see_claims(kClaimsAtOnce, [&](const std::string& file, const std::string& key, std::optional<KeptClaim> claim) {
            auto noted = claim ? cache_->put(file, key, claim->stands_in, claim->manifest) : cache_->remove(file, key);
            if (!noted)
                outcome = std::move(noted);
            return cache_->unwritten() < kBytesAtOnce;
        });
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
