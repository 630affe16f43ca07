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

// All of them at once: where stores have to be ordered by waiting for packets, once. A number is retired only when its
// endpoint has gone over to the next one: collect() may give back what is retired.
Result<> Committer::publish_anew(const std::vector<uint32_t>& ifindexes) {
    std::vector<uint32_t> configs;
    const auto take = [&] {
        while (configs.size() < ifindexes.size()) {
            const auto config = loaded_.pools.configs.take();
            if (!config)
                return false;
            configs.push_back(*config);
        }
        return true;
    };
    if (!take()) {
        if (auto done = collect(); !done)
            return tl::unexpected(done.error());
        if (!take()) {
            for (const uint32_t config : configs)
                loaded_.pools.configs.retire(config);
            return fail("load the configs of {} interfaces anew: {} are free", ifindexes.size(), configs.size());
        }
    }
    Result<> done;
    for (size_t i = 0; done && i < ifindexes.size(); ++i) {
        LoadedEndpoint& endpoint = loaded_.endpoints.at(ifindexes[i]);
        endpoint.generation = ++loaded_.last_generation[endpoint.slot];
        done = store_.write_config(configs[i], make_config(endpoint));
    }
    if (done)
        done = store_.order();
    for (size_t i = 0; done && i < ifindexes.size(); ++i) {
        LoadedEndpoint& endpoint = loaded_.endpoints.at(ifindexes[i]);
        if (!is_withdrawn(ifindexes[i]))
            done = store_.publish(ifindexes[i], configs[i]);
        loaded_.pools.configs.retire(std::exchange(endpoint.config, configs[i]));
    }
    broken_ |= !done;
    return done;
}

Result<std::set<uint32_t>> Committer::renew(const TablePointer& table) {
    ++retirements_;
    if (std::ranges::find(loaded_.tables, table) == loaded_.tables.end())
        return std::set<uint32_t>();  // a commit has retired it in the meantime
    auto copy = copy_of(table);
    if (!copy)
        return tl::unexpected(copy.error());
    if (auto done = write_table(**copy); !done) {
        broken_ = true;
        return tl::unexpected(done.error());
    }
    std::vector<uint32_t> renewed;
    for (auto& [ifindex, endpoint] : loaded_.endpoints) {
        if (std::ranges::find(endpoint.tables, table) == endpoint.tables.end())
            continue;
        std::ranges::replace(endpoint.tables, table, *copy);
        if (endpoint.config != 0)
            renewed.push_back(ifindex);
    }
    // The bookkeeping names the copy from here on: an endpoint that cannot go over to it must not stay behind.
    if (auto done = publish_anew(renewed); !done) {
        broken_ = true;
        return tl::unexpected(done.error());
    }
    retire_table(table);
    std::ranges::replace(loaded_.tables, table, *copy);
    return std::set<uint32_t>(renewed.begin(), renewed.end());
}

Result<> Committer::renew(const std::set<uint32_t>& ifindexes) {
    ++retirements_;
    std::vector<uint32_t> present;
    for (const uint32_t ifindex : ifindexes)
        if (const auto found = loaded_.endpoints.find(ifindex);
            found != loaded_.endpoints.end() && found->second.config != 0)
            present.push_back(ifindex);
    return publish_anew(present);
}

}  // namespace catflap::compile
