// SPDX-License-Identifier: Apache-2.0
// Commits, and the grace periods after which what they retired is given back.
#include <spdlog/spdlog.h>

#include "agent/agent.h"

namespace catflap::agent {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

// What does not fit may only be waiting for the grace period of what it replaces.
Result<> Agent::commit() {
    auto done = try_commit();
    if (done || state_.dataplane->broken())
        return done;
    if (auto collected = collect(false); !collected)
        return collected;
    done = try_commit();
    if (done || state_.dataplane->broken() || done.error().code != compile::kDoesNotFit)
        return done;
    return commit_what_fits();
}

Result<> Agent::try_commit() {
    const auto begin = Clock::now();
    auto report = state_.dataplane->commit(
        derivation_.update(state_.source->cluster(), state_.source->take_changes(), *state_.links));
    dirty_ = false;
    if (!report) {
        state_.commit_error = report.error().message;
        if (state_.dataplane->broken())
            dirty_ = true;
        return fail_because(report.error(), "commit");
    }
    state_.commit_error.clear();
    if (derivation_.committed()) {
        state_.local = derivation_.local();
        state_.resolved = derivation_.resolved();
    }
    if (derivation_.out_of_reach_changed())
        state_.out_of_reach = derivation_.out_of_reach();
    note_not_admitted(*report);
    state_.last_commit = {std::chrono::system_clock::now(),
                          std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin), *report};
    ++state_.commits;
    if (state_.dataplane->collect_soon())
        begin_grace_period();
    spdlog::debug("committed in {} us: {} endpoints, {} addresses, {} prefixes, {} tables",
                  state_.last_commit.duration.count(), report->endpoints_changed, report->addresses_changed,
                  report->prefixes_changed, report->tables_written);
    return {};
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

Result<> Agent::collect(bool waited) {
    const auto again = state_.dataplane->collect(waited);
    if (!again)
        return tl::unexpected(again.error());
    if (*again && state_.commit_error.empty())
        dirty_ = true;
    return {};
}

// Nobody waits for a grace period meanwhile: it takes longer than most changes.
void Agent::begin_grace_period() {
    if (collected_ == state_.commits || grace_->under_way())
        return;
    collected_ = state_.commits;
    grace_->begin();
}

Result<> Agent::end_grace_period() {
    // Where commits come faster than grace periods go by.
    constexpr int kPatience = 20;
    if (auto over = grace_->end(); !over) {
        collected_ = 0;  // the next second tries again
        return over;
    }
    if (!state_.dataplane)
        return {};
    // For what was retired in between another one is due.
    const bool waited = collected_ == state_.commits;
    if (!waited && ++interrupted_ < kPatience) {
        begin_grace_period();
        return {};
    }
    interrupted_ = 0;
    collected_ = state_.commits;
    return collect(waited);
}

}  // namespace catflap::agent
