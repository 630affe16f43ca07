// SPDX-License-Identifier: Apache-2.0
#include "source/directory/directory_state.h"

#include <malloc.h>

#include <utility>

namespace catflap::source {
namespace {

// How long a file that holds a policy has to be gone before that is believed: `rm -r` goes file by file.
constexpr std::chrono::milliseconds kVanished{900};  // a little less than the timer of the watch
// What one save() does at most.
constexpr size_t kClaimsAtOnce = 1000;
constexpr size_t kBytesAtOnce = size_t{1} << 20;

bool holds_a_pod_of(const Proposal& proposal, const std::string& node) {
    for (const auto& [file, decoded] : proposal.taken)
        for (const LocatedObject& located : decoded.objects)
            if (const auto* pod = std::get_if<Pod>(&located.object); pod != nullptr && pod->node == node)
                return true;
    return false;
}

}  // namespace

Directory::State::State(std::filesystem::path where, Watch watcher, const DirectoryOptions& options)
    : path(std::move(where)), watch(std::move(watcher)), node(options.node) {
    if (options.cache.empty())
        return;
    cache.emplace(options.cache, "directory " + std::filesystem::absolute(path).lexically_normal().string());
    catalog.follow_claims();
    for (const std::string& name : cache->files())
        files[name] = std::nullopt;
}

tl::unexpected<Error> Directory::State::stay(Error why) {
    uncertain = true;
    watch.retry_later();
    trouble = why;
    return tl::unexpected(std::move(why));
}

Result<bool> Directory::State::refresh(bool patient) {
    const Result<WatchEvents> events = watch.take();
    if (!events)
        return stay(events.error());
    replaced |= events->replaced;
    uncertain |= events->replaced;
    Look look;
    look_at(*events, look);
    bool all = std::exchange(doubted, false) || events->rescan || uncertain;
    for (const auto& [name, mask] : events->names)
        all = all || is_switch(name) || name == kEmptiedOnPurpose;
    if (all) {
        Result<Files> listing = list();
        if (!listing)
            return stay(listing.error());
        if (trouble && refused_listing == *listing)
            return stay(*trouble);
        const bool at_rest = std::exchange(last_listing, *listing) == *listing;
        if (uncertain && patient && !at_rest) {
            watch.retry_later();
            return trouble ? Result<bool>(tl::unexpected(*trouble)) : Result<bool>(false);
        }
        look_at(*listing, look);
    }
    look_again(look);
    Reading reading = read(look);
    if (auto meant = judge(reading); !meant) {
        if (all)
            refused_listing = last_listing;
        return stay(meant.error());
    }
    take(std::move(reading), patient);
    return catalog.publish();
}

void Directory::State::expect_pods_of(const std::string& name) {
    if (name == node)
        return;
    node = name;
    refused_listing.reset();  // it may be right now
}

Result<> Directory::State::judge(const Reading& reading) {
    // Where the cache has to say what was there before.
    const bool all_gone = reading.proposal.taken.empty() && !files.empty();
    if (!begun && (all_gone || (!node.empty() && !holds_a_pod_of(reading.proposal, node))))
        restore();
    const std::string missing = what_is_missing(reading);
    std::error_code ignored;
    if (missing.empty() || std::filesystem::exists(path / kEmptiedOnPurpose, ignored))
        return {};
    return fail("{} {}; if that is meant, make a file {} in it", path.string(), missing, kEmptiedOnPurpose);
}

// What a start would refuse, or nobody does on purpose. "": nothing.
std::string Directory::State::what_is_missing(const Reading& reading) const {
    const Proposal& proposal = reading.proposal;
    size_t left = files.size();
    for (const auto& [name, decoded] : proposal.taken)
        left += files.contains(name) ? 0 : 1;
    for (const std::string& name : proposal.removed)
        left -= files.contains(name) ? 1 : 0;
    if (left == 0 && !files.empty())
        return "has no manifest any more";
    if (!node.empty() && catalog.loses_last_pod(proposal, node))
        return fmt::format(
            "has no Pod whose nodeName is \"{}\" any more, and everything on its interfaces would be "
            "dropped",
            node);
    if (replaced && catalog.loses_last_policy(proposal))
        return "is another directory than before, and has no NetworkPolicy any more";
    return "";
}

void Directory::State::take(Reading reading, bool patient) {
    for (auto& [name, decoded] : reading.proposal.taken) {
        const bool needs_earlier = decoded.empty || decoded.unreadable || !decoded.refusals.empty();
        if (cache && !begun && !restored && needs_earlier)
            catalog.take(name, cache->read(name));
        catalog.take(name, std::move(decoded));
        files[name] = reading.stamps.at(name);
        vanished.erase(name);
    }
    for (const std::string& name : reading.proposal.removed)
        remove(name, patient && begun);
    if (!vanished.empty())
        watch.wake_later();
    begun = true;
    uncertain = false;
    replaced = false;
    trouble.reset();
    refused_listing.reset();
}

void Directory::State::remove(const std::string& name, bool patient) {
    const auto since = vanished.try_emplace(name, Clock::now()).first;
    if (patient && catalog.alone_has_a_policy(name) && Clock::now() - since->second < kVanished)
        return;
    vanished.erase(since);
    files.erase(name);
    catalog.remove(name);
}

bool Directory::State::restore() {
    if (!cache || restored || begun)
        return restored;
    for (const std::string& name : cache->files()) {
        Decoded decoded = cache->read(name);
        decoded.refusals.clear();  // told by the cache's status
        catalog.take(name, std::move(decoded));
        restored = true;
    }
    return restored;
}

bool Directory::State::unsaved() const {
    return cache && (catalog.unseen_claims() > 0 || cache->unwritten() > 0) && Clock::now() >= save_again_at;
}

Result<> Directory::State::save() {
    if (!cache || Clock::now() < save_again_at)
        return {};
    Result<> outcome;
    // After a failure what was to be written is there still.
    if (cache->unwritten() < kBytesAtOnce)
        catalog.see_claims(kClaimsAtOnce, [&](const std::string& file, const std::string& key,
                                              std::optional<KeptClaim> claim) {
            auto noted = claim ? cache->put(file, key, claim->stands_in, claim->manifest) : cache->remove(file, key);
            if (!noted)
                outcome = std::move(noted);
            return cache->unwritten() < kBytesAtOnce;
        });
    if (begun && !forgotten && catalog.unseen_claims() == 0) {
        forgotten = true;
        if (auto done = cache->forget(); !done)
            outcome = std::move(done);
        malloc_trim(0);  // what the start needed to know of the cache is as large as its keys
    }
    if (auto written = cache->flush(); !written) {
        save_again_at = Clock::now() + std::chrono::seconds(1);
        return written;
    }
    return outcome;
}

}  // namespace catflap::source
