// SPDX-License-Identifier: Apache-2.0
// The agent's duties to interfaces: programs on each, in front of others', and a guard that closes those without.
#include <spdlog/spdlog.h>

#include "agent/agent.h"

namespace catflap::agent {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

// Where ours could not be attached, and no guard closes the interface, the earlier mode's engine is all that judges.
void Agent::take_away_others() {
    constexpr auto kRest = std::chrono::seconds(10);
    if (others_gone_ || (!state_.attach_errors.empty() && !state_.guard->closed()) || Clock::now() < others_retry_at_)
        return;
    const auto done = remove_other_dataplanes(state_.options, interfaces());
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
    for (const auto& [ifindex, link] : state_.links->links())
        if (auto done = attach(link); !done && done.error().code != ENODEV)
            note_attach_error(ifindex, link.name, done.error());
    for (const auto& [name, error] : state_.attach_errors)
        spdlog::error("attach to {}: {}; its packets are not judged, and catflapd goes on trying", name, error);
}

// Programs that are there go on judging, where they could not be exchanged. Without any, the interface is closed again.
void Agent::note_attach_error(uint32_t ifindex, const std::string& interface, const Error& error) {
    state_.attach_errors[interface] = error.message;
    if (state_.dataplane->attached(ifindex))
        return;
    if (auto done = state_.guard->unjudged(ifindex); !done && done.error().code != ENODEV)
        spdlog::error("{}; it may be open", done.error().message);
}

Result<> Agent::attach(const Link& link) {
    if (auto done = state_.dataplane->attach(link.ifindex, link.name); !done)
        return done;
    return state_.guard->judged(link.ifindex);
}

// After the first attaching: what runs on the node is not cut. Later interfaces are born closed.
void Agent::close_unjudged() {
    const bool wanted = state_.options.guard != GuardWish::off && state_.options.mode == Mode::ebpf;
    const auto done = wanted ? state_.guard->close_others(state_.options.guard == GuardWish::nft)
                             : state_.guard->remove(interfaces());
    state_.guard_error = done ? "" : done.error().message;
    if (!done)
        spdlog::warn("{}; new interfaces are open until they are attached", state_.guard_error);
}

// Asked seldom: it reads rules of netfilter.
void Agent::audit_guard() {
    constexpr auto kEvery = std::chrono::seconds(5);
    if (Clock::now() < guard_audit_at_)
        return;
    guard_audit_at_ = Clock::now() + kEvery;
    const auto made = state_.guard->audit();
    if (made && !*made)
        return;
    const std::string error = made ? "" : made.error().message;
    if (!error.empty() && error != state_.guard_error)
        spdlog::error("{}; new interfaces are open until they are attached, and catflapd goes on trying", error);
    if (error.empty())
        spdlog::warn(
            "the guard's table of nftables was gone: it is made again; whoever flushes all rules opens new "
            "interfaces");
    state_.guard_error = error;
}

void Agent::attach_missing() {
    const auto before = std::exchange(state_.attach_errors, {});
    for (const auto& [ifindex, link] : state_.links->links()) {
        const bool judged = state_.links->group(ifindex) == Guard::kJudged;
        const bool attached = state_.dataplane->attached(ifindex);
        if (attached && (judged || !state_.guard->closed()))
            continue;
        // Its programs are gone, or others' have come in front of them.
        if (!attached && judged && state_.guard->closed())
            if (auto done = state_.guard->unjudged(ifindex); !done && done.error().code != ENODEV)
                spdlog::error("{}; it is open until it is attached again", done.error().message);
        auto done = attach(link);
        if (done || done.error().code == ENODEV)  // gone in the meantime: that is among the next events
            continue;
        note_attach_error(ifindex, link.name, done.error());
        if (!before.contains(link.name))
            spdlog::error("attach to {}: {}; its packets are not judged, and catflapd goes on trying", link.name,
                          done.error().message);
    }
}

}  // namespace catflap::agent
