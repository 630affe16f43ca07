// SPDX-License-Identifier: Apache-2.0
// The agent's duties to interfaces: programs on each, in front of others'.
#include <spdlog/spdlog.h>

#include "agent/agent.h"

namespace catflap::agent {
namespace {

using Clock = std::chrono::steady_clock;

bool is_renamed(const Link& link, const Options& options) {
    return !options.interface_prefixes.match(link.name);
}

}  // namespace

// Where ours could not be attached, and no guard closes the interface, the earlier mode's engine is all that judges.
void Agent::take_away_others() {
    constexpr auto kRest = std::chrono::seconds(10);
    if (others_gone_ || (!state_.attach_errors.empty() && !state_.guard->closed()) || Clock::now() < others_retry_at_)
        return;
    const auto done = engines_.remove_others(state_.options, interfaces());
    others_gone_ = done.has_value();
    others_retry_at_ = Clock::now() + kRest;
    if (!done && std::exchange(others_error_, done.error().message) != done.error().message)
        spdlog::error(
            "look for what an agent of another mode left, and take it away: {}; if there is any, both are in force; "
            "catflapd goes on trying",
            done.error().message);
}

std::vector<uint32_t> Agent::interfaces() const {
    std::vector<uint32_t> result;
    for (const auto& [ifindex, link] : state_.links->links())
        result.push_back(ifindex);
    return result;
}

// At a start: exchanges the programs of an earlier agent, too.
void Agent::attach_all() {
    state_.attach_errors.clear();
    for (const auto& [ifindex, link] : state_.links->links())
        if (auto done = attach(link); !done && done.error().code != ENODEV)
            note_attach_error(ifindex, link.name, done.error());
    for (const auto& [name, error] : state_.attach_errors)
        spdlog::error("attach to {}: {}; its packets are not judged, and catflapd goes on trying", name, error);
}

// Programs that are there go on judging, where they could not be exchanged. Without any, the interface is closed again.
void Agent::note_attach_error(uint32_t ifindex, const std::string& interface, const Error& error) {
    state_.attach_errors[interface] = error.message;
    if (state_.engine->attached(ifindex))
        return;
    if (auto done = state_.guard->unjudged(ifindex); !done && done.error().code != ENODEV)
        spdlog::error("{}; it may be open", done.error().message);
}

Result<> Agent::attach(const Link& link) {
    if (is_renamed(link, state_.options) && !state_.engine->follows_renames())
        return close_renamed(link);
    if (auto done = state_.engine->attach(link.ifindex, link.name); !done)
        return done;
    return state_.guard->judged(link.ifindex);
}

// It was enforced under another name, which the chains ask for.
Result<> Agent::close_renamed(const Link& link) {
    if (wants_guard(state_.options)) {
        if (auto done = state_.guard->unjudged(link.ifindex); !done)
            return done;
        if (!state_.guard->closed())
            if (auto done = state_.guard->close_closed(); !done)
                return done;
    }
    return fail(
        "it was renamed away from {}, and chains tell interfaces by their names: it is {}; give it its name back",
        state_.options.interface_prefixes.text(), wants_guard(state_.options) ? "closed" : "open (--guard off)");
}

void Agent::attach_missing() {
    const auto before = std::exchange(state_.attach_errors, {});
    const bool closing = state_.guard->closed();
    for (const auto& [ifindex, link] : state_.links->links()) {
        const bool judged = state_.links->group(ifindex) == Guard::kJudged;
        const bool attached = state_.engine->attached(ifindex);
        const bool out_of_reach = is_renamed(link, state_.options) && !state_.engine->follows_renames();
        if (attached && (judged || !closing) && !out_of_reach)
            continue;
        // Where its programs are gone, or others' have come in front of them, they are attached first: to close it for
        // that moment would cost those who are admitted packets, and open it is already.
        auto done = attach(link);
        if (done && !attached && judged)
            mended(MendKind::attachments,
                   fmt::format(
                       "our programs on interface {} had been taken off, exchanged, or put behind others': they are "
                       "attached again, and what passed meanwhile was not judged",
                       link.name));
        if (done && attached && judged_.contains(ifindex))
            mended(MendKind::groups, fmt::format("interface {} was out of device group {:#x}, and so closed: it is put "
                                                 "into it again",
                                                 link.name, Guard::kJudged));
        if (done)
            judged_.insert(ifindex);
        if (done || done.error().code == ENODEV)  // gone in the meantime: that is among the next events
            continue;
        note_attach_error(ifindex, link.name, done.error());
        if (!before.contains(link.name))
            spdlog::error("attach to {}: {}; its packets are not judged, and catflapd goes on trying", link.name,
                          done.error().message);
    }
    std::erase_if(judged_, [&](uint32_t ifindex) { return !state_.links->links().contains(ifindex); });
}

// A name that is not the pods' takes an interface out of everybody's sight but ours.
void Agent::tell_renamed() {
    std::set<uint32_t> renamed;
    for (const auto& [ifindex, link] : state_.links->links()) {
        if (!is_renamed(link, state_.options))
            continue;
        renamed.insert(ifindex);
        if (!renamed_.contains(ifindex) && state_.engine->follows_renames())
            spdlog::warn("interface {} ({}) was renamed away from {}: it stays judged until it is gone", link.name,
                         ifindex, state_.options.interface_prefixes.text());
    }
    renamed_ = std::move(renamed);
}

}  // namespace catflap::agent
