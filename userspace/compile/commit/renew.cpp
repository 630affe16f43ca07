// SPDX-License-Identifier: Apache-2.0
// Loads anew what was found damaged in the store: under numbers that nothing refers to, then by one store for each
// endpoint, as every commit does. So a packet reads the damaged object, or the mended one, and never half of each.
#include <algorithm>

#include "compile/commit/committer.h"

namespace catflap::compile {

Result<TablePointer> Committer::copy_of(const TablePointer& table) {
    auto copy = std::make_shared<Table>(*table);
    const auto take = [&](uint32_t& first, uint32_t count) -> Result<> {
        auto page = loaded_.pools.pages.take(count);
        if (!page) {
            if (auto done = collect(); !done)
                return tl::unexpected(done.error());
            page = loaded_.pools.pages.take(count);
        }
        if (!page)
            return fail("load a table anew: of {} pages {} are free, and {} in a row are needed",
                        loaded_.pools.pages.pages(), loaded_.pools.pages.free_pages(), count);
        first = *page;
        return {};
    };
    // What was taken before a later one fails comes back with the next grace period.
    if (auto done = take(copy->rows_page, copy->rows_pages()); !done)
        return tl::unexpected(done.error());
    if (auto done = take(copy->columns_page, copy->columns_pages()); !done) {
        loaded_.pools.pages.retire(copy->rows_page, copy->rows_pages());
        return tl::unexpected(done.error());
    }
    if (auto done = take(copy->cells_page, copy->cells_pages()); !done) {
        loaded_.pools.pages.retire(copy->rows_page, copy->rows_pages());
        loaded_.pools.pages.retire(copy->columns_page, copy->columns_pages());
        return tl::unexpected(done.error());
    }
    return copy;
}

Result<> Committer::publish_anew(uint32_t ifindex, LoadedEndpoint& endpoint) {
    auto config = loaded_.pools.configs.take();
    if (!config) {
        if (auto done = collect(); !done)
            return tl::unexpected(done.error());
        config = loaded_.pools.configs.take();
    }
    if (!config)
        return fail("load the config of interface {} anew: none is free", endpoint.spec.interface);
    endpoint.generation = ++loaded_.last_generation[endpoint.slot];
    loaded_.pools.configs.retire(std::exchange(endpoint.config, *config));
    auto done = store_.write_config(endpoint.config, make_config(endpoint));
    if (done)
        done = store_.order();
    if (done && !is_withdrawn(ifindex))
        done = store_.publish(ifindex, endpoint.config);
    broken_ |= !done;
    return done;
}

Result<std::set<uint32_t>> Committer::renew(const TablePointer& table) {
    ++retirements_;
    std::set<uint32_t> renewed;
    if (std::ranges::find(loaded_.tables, table) == loaded_.tables.end())
        return renewed;  // a commit has retired it in the meantime
    auto copy = copy_of(table);
    if (!copy)
        return tl::unexpected(copy.error());
    if (auto done = write_table(**copy); !done) {
        broken_ = true;
        return tl::unexpected(done.error());
    }
    for (auto& [ifindex, endpoint] : loaded_.endpoints) {
        if (std::ranges::find(endpoint.tables, table) == endpoint.tables.end())
            continue;
        std::ranges::replace(endpoint.tables, table, *copy);
        // The bookkeeping names the copy from here on: an endpoint that cannot go over to it must not stay behind.
        if (auto done = publish_anew(ifindex, endpoint); !done) {
            broken_ = true;
            return tl::unexpected(done.error());
        }
        renewed.insert(ifindex);
    }
    retire_table(table);
    std::ranges::replace(loaded_.tables, table, *copy);
    return renewed;
}

Result<> Committer::renew(const std::set<uint32_t>& ifindexes) {
    ++retirements_;
    for (const uint32_t ifindex : ifindexes)
        if (const auto found = loaded_.endpoints.find(ifindex);
            found != loaded_.endpoints.end() && found->second.config != 0)
            if (auto done = publish_anew(ifindex, found->second); !done)
                return done;
    return {};
}

}  // namespace catflap::compile
