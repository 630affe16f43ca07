// SPDX-License-Identifier: Apache-2.0
// Lists of nf_conntrack's connections that somebody reads page by page. The place in such a list is a socket of the
// kernel's (kernel/datapath/connection_dump.h), so it is kept here from page to page, for a while.
#pragma once

#include <chrono>
#include <deque>
#include <list>
#include <set>

#include "kernel/datapath/connection_dump.h"
#include "report/rows.h"

namespace catflap::engine {

struct ConnectionListing {
    uint64_t id = 0;
    uint64_t page = 0;  // that is due
    kernel::ConnectionDump dump;
    std::set<Address> node;              // its addresses
    std::deque<report::FlowRow> rows{};  // read, and not listed yet
    std::chrono::steady_clock::time_point last_used{};
};

class ConnectionListings {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr size_t kMost = 8;
    // As long as a client may be idle.
    static constexpr std::chrono::seconds kPatience{30};

    // Gives up the one that was used least recently, where there are too many.
    Result<ConnectionListing*> begin(Clock::time_point now);
    // Fails with a sentence where it was given up, or has gone on meanwhile.
    Result<ConnectionListing*> find(uint64_t id, uint64_t page, Clock::time_point now);
    void end(uint64_t id);
    // Gives up those for which nobody has asked for long.
    void expire(Clock::time_point now);

  private:
    std::list<ConnectionListing> listings_;  // in the order of last_used
    uint64_t last_id_ = 0;
};

}  // namespace catflap::engine
