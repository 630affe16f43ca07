// SPDX-License-Identifier: Apache-2.0
// What others change of ours is looked for, put right, told once, and counted.
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "agent/agent.h"
#include "kernel/datapath/pin_directory.h"

namespace catflap::agent {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

void Agent::mended(MendKind kind, const std::string& what) {
    Mend& mend = state_.mends[static_cast<size_t>(kind)];
    ++mend.count;
    mend.last = std::chrono::system_clock::now();
    spdlog::warn("{}", what);
}

void Agent::take_mends() {
    for (const Mended& one : state_.dataplane->take_mends())
        mended(one.kind, one.what);
}

// Asked seldom: it reads rules of netfilter.
void Agent::audit_guard() {
    constexpr auto kEvery = std::chrono::seconds(5);
    if (Clock::now() < guard_audit_at_)
        return;
    guard_audit_at_ = Clock::now() + kEvery;
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
    if (state_.dataplane)
        for (kernel::Pin& pin : state_.dataplane->pins())
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
