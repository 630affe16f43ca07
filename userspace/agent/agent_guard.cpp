// SPDX-License-Identifier: Apache-2.0
// When the guard closes what, in the life of an agent.
#include <spdlog/spdlog.h>

#include "agent/agent.h"
#include "iptables/apply/engine.h"
#include "kernel/attach/foreign.h"
#include "kernel/datapath/pin_directory.h"

namespace catflap::agent {

// Programs of whatever agent judge, so their interface is not closed. A group without programs is left over from some
// where they were lost.
void Agent::set_groups_by_programs() {
    const kernel::PinnedLinks pinned = kernel::find_pinned_links();
    for (const auto& [ifindex, link] : state_.links->links()) {
        const bool judged = kernel::carries_programs(ifindex, pinned);
        if (judged == (state_.links->group(ifindex) == Guard::kJudged))
            continue;
        const auto done = judged ? state_.guard->judged(ifindex) : state_.guard->unjudged(ifindex);
        if (!done && done.error().code != ENODEV)
            spdlog::error("{}", done.error().message);
    }
}

// Seldom asked: it runs programs.
bool Agent::chains_close() {
    constexpr auto kEvery = std::chrono::seconds(10);
    const auto now = std::chrono::steady_clock::now();
    if (now >= chains_audit_at_) {
        chains_close_ = iptables::chains_are_in_force(state_.options.interface_prefixes.list());
        chains_audit_at_ = now + kEvery;
    }
    return chains_close_;
}

// Before anything that can fail. Chains of iptables mode that are in force close what they do not know by themselves,
// and interfaces that they judge carry no programs.
void Agent::close_first() {
    if (!wants_guard(state_.options) || state_.options.on_failure == OnFailure::open)
        return;
    if (!state_.guard->closed() && chains_close())
        return;
    set_groups_by_programs();
    if (state_.guard->closed())
        return;
    const bool by_chains = state_.options.mode == Mode::iptables;  // these need no bpffs, and neither does the table
    auto done = state_.guard->close_others(by_chains || state_.options.guard == GuardWish::nft);
    if (!done && by_chains)
        if (const auto lock = kernel::lock_pin_directory(state_.options.pin_dir))
            done = state_.guard->close_others(false);
    state_.guard_error = done ? "" : done.error().message;
    if (!done)
        spdlog::error("{}; interfaces that nothing judges are open, and catflapd goes on trying", state_.guard_error);
}

// After the first attaching. Later interfaces are born closed.
void Agent::close_unjudged() {
    auto done = Result<>{};
    if (!wants_guard(state_.options))
        done = state_.guard->open_all();
    else if (state_.options.mode == Mode::iptables)
        done = state_.attach_errors.empty() ? state_.guard->open_all() : state_.guard->close_closed();
    else if (!state_.guard->closed())
        done = state_.guard->close_others(state_.options.guard == GuardWish::nft);
    state_.guard_error = done ? "" : done.error().message;
    if (!done)
        spdlog::warn("{}; new interfaces are open until they are attached", state_.guard_error);
}

// For whoever prefers pods that nobody judges to pods that nobody reaches.
void Agent::open_unjudged() {
    if (std::exchange(state_.starting.open, true))
        return;
    if (const auto done = state_.guard->open_all(); !done)
        spdlog::error("{}; interfaces may be closed, against --on-failure open", done.error().message);
}

}  // namespace catflap::agent
