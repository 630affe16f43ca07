// SPDX-License-Identifier: Apache-2.0
// Live flows, a page at a time: first those of the map, then, where nf_conntrack is the flow table of TCP and UDP, its
// connections. The cursor is the part, and in it a place in the kernel's hash map and how many flows there were listed,
// or a listing and its page.
#include "engine/ebpf/connection_listings.h"
#include "engine/ebpf/flow_rows.h"
#include "engine/ebpf/lists.h"
#include "kernel/datapath/census.h"

namespace catflap::engine {
namespace {

constexpr uint64_t kMap = 0;
constexpr uint64_t kConnections = 1;
constexpr uint64_t kNotBegun = 0;  // the id of a listing

// So many flows are read at once: few enough that the clock is looked at often.
constexpr uint32_t kFlowsAtOnce = 256;

// True: this was the last of them.
Result<bool> list_map(const EbpfEngine& engine, const FlowRows& rows, report::Page& page, uint32_t place, size_t skip) {
    kernel::FlowWalk walk(engine.datapath().map_fd("flows"), place);
    do {
        if (auto done = walk.step(kFlowsAtOnce); !done)
            return tl::unexpected(done.error());
        for (size_t i = std::exchange(skip, 0); i < walk.keys().size(); ++i) {
            if (page.room() == 0) {
                page.continue_at({kMap, uint64_t{walk.place()}, uint64_t{i}});
                return false;
            }
            if (auto row = rows.row(walk.keys()[i], walk.flows()[i]))
                page.add(*row);
        }
        if (page.full() && !walk.over()) {
            page.continue_at({kMap, uint64_t{walk.next_place()}, uint64_t{0}});
            return false;
        }
    } while (!walk.over());
    return true;
}

Result<> list_connections(const EbpfEngine& engine, const FlowRows& rows, report::Page& page,
                          ConnectionListing& listing) {
    const kernel::LocalEnds ends(engine.loaded().endpoints, listing.node);
    std::vector<kernel::Connection> found;
    for (bool read = false;; read = true) {
        for (; !listing.rows.empty() && page.room() > 0; listing.rows.pop_front())
            page.add(listing.rows.front());
        if (listing.rows.empty() && listing.dump.over()) {
            engine.listings().end(listing.id);
            return {};
        }
        // A page whose time is used up before reads a step all the same, or the list would never end.
        if (page.room() == 0 || (read && page.full())) {
            page.continue_at({kConnections, listing.id, ++listing.page});
            return {};
        }
        found.clear();
        if (auto done = listing.dump.step(found); !done) {
            engine.listings().end(listing.id);
            return done;
        }
        for (const kernel::Connection& connection : found)
            for (report::FlowRow& row : rows.rows(connection, ends))
                listing.rows.push_back(std::move(row));
    }
}

}  // namespace

Result<> list_flows(const EbpfEngine& engine, report::Page& page) {
    const auto cursor = page.cursor("nnn");
    if (!cursor)
        return tl::unexpected(cursor.error());
    const auto field = [&](size_t number) { return *cursor ? (*cursor)->number(number) : 0; };
    const FlowRows rows(engine, page);
    if (field(0) == kMap) {
        const auto last = list_map(engine, rows, page, static_cast<uint32_t>(field(1)), field(2));
        if (!last)
            return tl::unexpected(last.error());
        if (!*last || !engine.datapath().tracked())
            return {};
        if (page.full()) {
            page.continue_at({kConnections, kNotBegun, uint64_t{0}});
            return {};
        }
    }
    const auto now = ConnectionListings::Clock::now();
    const uint64_t id = field(0) == kMap ? kNotBegun : field(1);
    const auto listing = id == kNotBegun ? engine.listings().begin(now) : engine.listings().find(id, field(2), now);
    if (!listing)
        return tl::unexpected(listing.error());
    return list_connections(engine, rows, page, **listing);
}

}  // namespace catflap::engine
