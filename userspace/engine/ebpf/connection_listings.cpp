// SPDX-License-Identifier: Apache-2.0
#include "engine/ebpf/connection_listings.h"

#include <algorithm>

namespace catflap::engine {

Result<ConnectionListing*> ConnectionListings::begin(Clock::time_point now) {
    auto dump = kernel::ConnectionDump::begin();
    if (!dump)
        return tl::unexpected(dump.error());
    while (listings_.size() >= kMost)
        listings_.pop_front();
    // By the clock: the numbers of an engine in whose place this one came mean nothing here.
    last_id_ = std::max(last_id_ + 1, static_cast<uint64_t>(now.time_since_epoch().count()));
    listings_.push_back({.id = last_id_, .dump = std::move(*dump), .node = kernel::node_addresses(), .last_used = now});
    return &listings_.back();
}

Result<ConnectionListing*> ConnectionListings::find(uint64_t id, uint64_t page, Clock::time_point now) {
    const auto found = std::ranges::find(listings_, id, &ConnectionListing::id);
    if (found == listings_.end() || found->page != page)
        return fail(
            "this list of connections was given up: nobody asked for its next page within {} s, or {} newer ones were "
            "begun; ask for it again from its start",
            kPatience.count(), +kMost);
    found->last_used = now;
    listings_.splice(listings_.end(), listings_, found);
    return &listings_.back();
}

void ConnectionListings::end(uint64_t id) {
    listings_.remove_if([id](const ConnectionListing& listing) { return listing.id == id; });
}

void ConnectionListings::expire(Clock::time_point now) {
    while (!listings_.empty() && now - listings_.front().last_used > kPatience)
        listings_.pop_front();
}

}  // namespace catflap::engine
