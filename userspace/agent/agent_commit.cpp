// SPDX-License-Identifier: Apache-2.0
// Commits, and what they retired given back.
#include <spdlog/spdlog.h>

#include "agent/agent.h"

namespace catflap::agent {
// What does not fit may only be waiting for the grace period of what it replaces.
Result<> Agent::commit() {
    auto done = try_commit();
    if (done || state_.engine->broken())
        return done;
    if (auto reclaimed = reclaim_now(); !reclaimed)
        return reclaimed;
    done = try_commit();
    if (done || state_.engine->broken() || done.error().code != compile::kDoesNotFit)
        return done;
    return commit_what_fits();
}

Result<> Agent::try_commit() {
    const auto begin = Clock::now();
    const bool urgent = !may_wait();
    auto report = state_.engine->commit(derivation_.update(state_.source->cluster(), state_.source->take_changes(),
                                                           state_.links->links(), state_.links->local_addresses()));
    dirty_ = false;
    fast_path_watch_.due = true;
    if (!report) {
        state_.commit_error = report.error().message;
        if (state_.engine->broken())
            dirty_ = true;
        return fail_because(report.error(), "commit");
    }
    state_.commit_error.clear();
    if (derivation_.committed()) {
        state_.local = derivation_.local();
        state_.resolved = derivation_.resolved();
    }
    note_not_admitted(*report);
    state_.last_commit = {std::chrono::system_clock::now(),
                          std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin), *report};
    state_.durations.commit.observe(Clock::now() - begin);
    note_enforced(urgent);
    ++state_.commits;
    spdlog::debug("committed in {} us: {} endpoints, {} addresses, {} tables", state_.last_commit.duration.count(),
                  report->endpoints_changed, report->addresses_changed, report->tables_written);
    return {};
}

// An engine that failed half way, or that was given up for one that could not be opened.
void Agent::replace_broken_engine() {
    if (state_.engine && !state_.engine->broken())
        return;
    if (auto loaded = reload({}); !loaded) {
        state_.enforcing = false;  // what is attached stays
        start_failed(loaded.error());
    }
}

Result<> Agent::reload(const compile::Capacity& capacity) {
    spdlog::warn("loading the datapath anew");
    reloading_ = true;
    auto done = reopen(capacity);
    if (done)
        done = first_commit();
    reloading_ = false;
    return done;
}

Result<> Agent::reclaim() {
    const auto again = state_.engine ? state_.engine->reclaim() : false;
    if (!again)
        return tl::unexpected(again.error());
    dirty_ |= *again && state_.commit_error.empty();
    return {};
}

Result<> Agent::reclaim_now() {
    const auto again = state_.engine->reclaim_now();
    if (!again)
        return tl::unexpected(again.error());
    dirty_ |= *again && state_.commit_error.empty();
    return {};
}

}  // namespace catflap::agent
