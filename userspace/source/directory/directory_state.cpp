// SPDX-License-Identifier: Apache-2.0
#include "source/directory/directory_state.h"

#include <utility>

namespace catflap::source {
namespace {

// How long a file that holds a policy has to be gone before that is believed: `rm -r` goes file by file.
constexpr std::chrono::milliseconds kVanished{900};  // a little less than the timer of the watch

bool holds_a_pod_of(const Proposal& proposal, const std::string& node) {
    for (const auto& [file, decoded] : proposal.taken)
        for (const LocatedObject& located : decoded.objects)
            if (const auto* pod = std::get_if<Pod>(&located.object); pod != nullptr && pod->node == node)
                return true;
    return false;
}

}  // namespace

Directory::State::State(std::filesystem::path where, Watch watcher, const DirectoryOptions& options)
    : path(std::move(where)),
      watch(std::move(watcher)),
      catalog(options.cache, "directory " + std::filesystem::absolute(path).lexically_normal().string()),
      node(options.node) {
    for (const std::string& name : catalog.kept_files())
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
        catalog.restore();
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
        if (needs_earlier)
            catalog.restore(name);
        catalog.take(name, std::move(decoded));
        files[name] = reading.stamps.at(name);
        vanished.erase(name);
    }
    for (const std::string& name : reading.proposal.removed)
        remove(name, patient && begun);
    if (!vanished.empty())
        watch.wake_later();
    begun = true;
    catalog.confirm();
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

}  // namespace catflap::source
