// SPDX-License-Identifier: Apache-2.0
// What others change of ours is looked for, put right, told once, and counted.
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "agent/agent.h"
#include "kernel/datapath/pin_directory.h"
#include "netfilter/tracking.h"

namespace catflap::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kTablesAuditEvery{5};
constexpr std::chrono::milliseconds kHearAgainAfter{500};

// Without its family.
std::string table_name(std::string_view table) {
    return std::string(table.substr(table.find(' ') + 1));
}

}  // namespace

void Agent::mended(MendKind kind, const std::string& what) {
    engine::Mend& mend = state_.mends[static_cast<size_t>(kind)];
    ++mend.count;
    mend.last = std::chrono::system_clock::now();
    spdlog::warn("{}", what);
}

void Agent::take_mends() {
    for (const engine::Mended& one : state_.engine->take_mends())
        mended(one.kind, one.what);
}

// Changes of our tables are heard of, while there are any: a listener makes every transaction of others dearer.
void Agent::watch_rules() {
    const bool wanted =
        fast_path_watch_.survey || state_.tracking || (state_.guard && state_.guard->kind() == guard::GuardKind::nft);
    if (!wanted)
        rules_.reset();
    if (!wanted || rules_)
        return;
    auto watch = netfilter::RulesetWatch::open({table_name(guard::kGuardTable), table_name(netfilter::kTrackingTable)});
    if (watch)
        rules_ = std::move(*watch);
    const std::string error = watch ? "" : watch.error().message;
    if (std::exchange(watch_error_, error) != error && !error.empty())
        spdlog::warn("{}; our tables are looked at every {} seconds only", error, kTablesAuditEvery.count());
}

// Before the first packet is judged by what nf_conntrack says.
void Agent::keep_conntrack() {
    if (!state_.engine->asks_conntrack())
        return;
    if (!state_.tracking)
        state_.tracking = netfilter::tracking_table();
    const auto done = state_.tracking->make(netfilter::tracking_commands());
    state_.tracking_error = done ? "" : done.error().message;
    watch_rules();
    if (!done)
        spdlog::error(
            "{}; where nothing else on this node uses nf_conntrack, who opened a connection is not known for longer than "
            "its flow is; catflapd goes on trying",
            done.error().message);
}

// Once a second. Tables cost more to read than programs.
void Agent::audit_rules() {
    watch_rules();
    if (state_.guard && state_.links && state_.guard->kind() == guard::GuardKind::bpf)
        audit_guard();
    if (tables_changed_ || Clock::now() >= tables_audit_at_)
        audit_tables();
}

// Somebody has changed some table. The first time it is looked at at once; whoever goes on changing ours waits for the
// next second.
void Agent::hear_of_rules() {
    tables_changed_ |= rules_->changed();
    if (fast_path_watch_.survey && rules_->heard_of_rules())
        fast_path_watch_.survey->look();
    if (tables_changed_ && Clock::now() >= tables_heard_at_ + kHearAgainAfter)
        audit_tables();
}

void Agent::audit_tables() {
    tables_changed_ = false;
    tables_heard_at_ = Clock::now();
    tables_audit_at_ = tables_heard_at_ + kTablesAuditEvery;
    if (state_.guard && state_.links && state_.guard->kind() == guard::GuardKind::nft)
        audit_guard();
    if (state_.tracking)
        audit_tracking();
}

void Agent::audit_tracking() {
    const auto made = state_.tracking->audit();
    const std::string error = made ? "" : made.error().message;
    if (!error.empty() && error != state_.tracking_error)
        spdlog::error("{}; catflapd goes on trying", error);
    if (made && *made && state_.tracking_error.empty())
        mended(MendKind::tracking,
               "the rule that keeps nf_conntrack following connections (nftables, inet catflap_conntrack) was gone or "
               "changed, and is made again");
    state_.tracking_error = error;
}

void Agent::audit_guard() {
    const auto made = state_.guard->audit();
    const std::string error = made ? "" : made.error().message;
    if (!error.empty() && error != state_.guard_error)
        spdlog::error("{}; new interfaces are open until they are attached, and catflapd goes on trying", error);
    if (made && *made)
        mended(MendKind::guard, state_.guard->kind() == guard::GuardKind::nft
                                    ? "the guard's table of nftables was gone or changed, and is made again: whoever "
                                      "flushes all rules opens new interfaces"
                                    : "the guard's programs had been taken off netfilter, and are attached again");
    if (!made || *made)
        state_.guard_error = error;
}

// What is held open stays in force without its pins, but the next agent would not find it, and with this process it
// would end.
void Agent::audit_pins() {
    std::vector<kernel::Pin> pins = state_.guard->pins();
    if (state_.engine)
        for (kernel::Pin& pin : state_.engine->pins())
            pins.push_back(std::move(pin));
    const auto made = kernel::keep_pinned(pins);
    const std::string error = made ? "" : made.error().message;
    if (!error.empty() && error != state_.pin_error)
        spdlog::error(
            "{}; everything stays in force while this process lives, and would end with it; catflapd goes on "
            "trying",
            error);
    state_.pin_error = error;
    if (!made || made->empty())
        return;
    mended(MendKind::pins,
           fmt::format("{} pins below {} were missing, and are made again: {}{}", made->size(),
                       state_.options.pin_dir.string(), made->front().string(), made->size() > 1 ? ", ..." : ""));
    if (!pin_lock_ || kernel::is_directory_of(pin_lock_.get(), state_.options.pin_dir))
        return;
    auto lock = kernel::lock_pin_directory(state_.options.pin_dir);
    if (lock)
        pin_lock_ = std::move(*lock);
    else
        spdlog::error("{}", lock.error().message);
}

}  // namespace catflap::agent
