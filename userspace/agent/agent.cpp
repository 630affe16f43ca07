// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "agent/answers.h"
#include "agent/explanation.h"
#include "agent/facts.h"

namespace catflap::agent {
namespace {

// After a commit of pods that may wait, the next one waits so many times as long as the last one took.
constexpr int kRestAfterCommit = 40;
constexpr std::chrono::milliseconds kLongestRest{500};
// What is saved after a start takes many steps: so the next change meets one of them seldom.
constexpr int kRestAfterSave = 9;

// Those that were not there before: a source that changes often does not repeat its old ones.
void log_new(std::set<std::string>& known, std::set<std::string> now, spdlog::level::level_enum level,
             std::string_view what) {
    for (const std::string& text : now)
        if (!known.contains(text))
            spdlog::log(level, "{}{}", what, text);
    known = std::move(now);
}

}  // namespace

// At once: until its pod is known everything on a new interface is dropped, and nothing slips through.
Result<> Agent::refresh_links() {
    auto changed = state_.links->refresh();
    if (!changed)
        return tl::unexpected(changed.error());
    if (*changed) {
        dirty_ = true;
        derivation_.links_changed();
        state_.engine->keep_only(interfaces());
    }
    // An interface that was deleted and made again with its old index and name looks like no change.
    if (std::exchange(audit_, false) || *changed) {
        dirty_ |= state_.engine->audit();
        attach_missing();
        take_mends();
        tell_renamed();
        take_away_others();
    }
    return {};
}

void Agent::log_diagnostics() {
    std::set<std::string> refusals;
    for (const source::Diagnostic& refusal : state_.source->refusals())
        if (const auto outcome = outcome_of(state_, refusal))
            refusals.insert(fmt::format("{} ({})", to_string(refusal), sentence_of(*outcome)));
        else
            refusals.insert(to_string(refusal));
    std::set<std::string> warnings;
    for (const source::Diagnostic& warning : state_.source->warnings())
        warnings.insert(to_string(warning));
    log_new(logged_refusals_, std::move(refusals), spdlog::level::err, "refused: ");
    log_new(logged_warnings_, std::move(warnings), spdlog::level::warn, "");
}

void Agent::refresh_source(bool patient) {
    // Without interfaces nobody is cut off.
    state_.source->expect_pods_of(
        state_.options.without_pods || !state_.links || state_.links->links().empty() ? "" : state_.options.node);
    const auto begin = Clock::now();
    auto changed = state_.source->refresh(patient);
    const Result<> fresh = changed ? state_.source->is_up_to_date() : tl::unexpected(changed.error());
    // While it holds nothing yet, the start says so.
    const std::string error = fresh || !state_.source->is_complete() ? "" : fresh.error().message;
    if (error != state_.source_error) {
        if (error.empty())
            spdlog::info("the source is read again");
        else
            spdlog::error("{}; what was read before stays enforced", error);
    }
    state_.source_error = error;
    if (changed && *changed) {
        dirty_ = true;
        seen_at_ = std::min(seen_at_.value_or(begin), state_.source->first_seen().value_or(begin));
        log_diagnostics();
    }
}

// Only what is enforced: whoever is killed in between comes back with the version before it, which was good, too.
void Agent::save_source() {
    const auto begin = Clock::now();
    if (!may_save() || begin < save_at_)
        return;
    const auto saved = state_.source->save();
    const auto end = Clock::now();
    save_at_ = end + kRestAfterSave * (end - begin);
    const std::string error = saved ? "" : saved.error().message;
    if (error != std::exchange(save_error_, error))
        spdlog::log(error.empty() ? spdlog::level::info : spdlog::level::err, "the last good versions {}",
                    error.empty() ? "are saved again" : "cannot be saved: " + error);
}

bool Agent::may_wait() const {
    const Changes& changes = state_.source->changes();
    return !changes.empty() && !derivation_.is_urgent(state_.source->cluster(), changes);
}

Result<> Agent::reconcile(bool patient) {
    if (!state_.engine)
        return fail("the datapath could not be loaded anew, and what is attached goes on as it is");
    if (auto done = refresh_links(); !done)
        return done;
    refresh_source(patient);
    if (!dirty_ || (patient && Clock::now() < rest_until_ && may_wait()))
        return {};
    const auto begin = Clock::now();
    auto done = commit();
    const auto end = Clock::now();
    rest_until_ = end + std::min<Clock::duration>(kRestAfterCommit * (end - begin), kLongestRest);
    return done;
}

Result<report::Settled> Agent::settle(std::optional<uint64_t> question) {
    if (!state_.enforcing)
        if (auto done = try_to_start(); !done)
            return tl::unexpected(done.error());
    if (auto ready = is_ready(); !ready)
        return tl::unexpected(ready.error());
    audit_ = true;
    if (auto done = reconcile(false); !done) {
        replace_broken_engine();
        return tl::unexpected(done.error());
    }
    if (!question)
        question = state_.source->ask();
    if (!state_.source->has_answered(*question))
        return report::Settled{question, state_.source_error, {}};
    if (auto fresh = state_.source->is_up_to_date(); !fresh)
        return tl::unexpected(fresh.error());
    if (!state_.source_error.empty())
        return fail("{}", state_.source_error);
    return report::Settled{std::nullopt, "", refused(state_)};
}

Result<> Agent::is_ready() const {
    return state_.enforcing ? Result<>{} : fail("not enforcing yet: {}", state_.starting.error);
}

report::Status Agent::status() const {
    return status_of(state_);
}

Result<> Agent::list(report::Page& page) const {
    return agent::list(state_, page);
}

Result<uint64_t> Agent::monitor(const report::MonitorQuestion& question) {
    return monitor_.begin(question, state_);
}

Result<report::Explanation> Agent::explain(const report::Question& question) const {
    return agent::explain(state_, derivation_.admitted(state_.source->cluster()), question);
}

}  // namespace catflap::agent
