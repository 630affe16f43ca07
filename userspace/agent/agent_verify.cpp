// SPDX-License-Identifier: Apache-2.0
// Passes over what is loaded and attached: of the agent's own accord, so slowly that they take a hundredth of a CPU,
// and at once for who asks. Either in slices between which the loop does whatever else there is to do.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>

#include "agent/agent.h"

namespace catflap::agent {
namespace {

using report::Verification;

// What an urgent change may have to wait for.
constexpr std::chrono::microseconds kSlice{500};
// A slice is followed by so many times its CPU time for others.
constexpr int kRest = 99;
constexpr size_t kAnswersKept = 16;
constexpr size_t kMostAsked = 64;
constexpr size_t kLogged = 10;

// Of this thread. What the machine's other processes took of a slice is no reason to rest for longer.
std::chrono::nanoseconds cpu_time() {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

std::string sentence_of(const report::DifferenceRow& row) {
    return fmt::format("{}: {}: {} expected, {} found ({})", row.check, row.object, row.expected, row.found, row.done);
}

}  // namespace

// What the agent itself keeps in force is looked at, and put right as it always is.
void Agent::verify_own(Verification& found) {
    const auto look = [&](const char* name, MendKind kind, const char* object, auto audit, const std::string& error) {
        const uint64_t before = state_.mends[static_cast<size_t>(kind)].count;
        audit();
        report::CheckRow& check = found.check(name);
        ++check.checked;
        check.unread = error;
        if (state_.mends[static_cast<size_t>(kind)].count != before)
            found.add({name, object, "as it was made", "gone, or changed by others", "mended"}, true);
    };
    if (state_.guard && state_.guard->closed())
        look(
            "guard", MendKind::guard, "the guard", [this] { audit_guard(); }, state_.guard_error);
    look(
        "pins", MendKind::pins, "what is pinned for the next agent", [this] { audit_pins(); }, state_.pin_error);
    if (state_.tracking)
        look(
            "conntrack", MendKind::tracking, "the rule that keeps nf_conntrack active", [this] { audit_tracking(); },
            state_.tracking_error);
}

// Others are no difference: a node may have them.
void Agent::note_others(Verification& found) {
    for (const auto& [ifindex, sentence] : fast_path_watch_.others_at)
        if (const auto link = state_.links->links().find(ifindex); link != state_.links->links().end())
            found.notes.push_back(fmt::format("{}: {}", link->second.name, sentence));
    if (fast_path_watch_.survey)
        if (const auto findings = fast_path_watch_.survey->findings())
            for (const std::string& one : *findings)
                found.notes.push_back("rules of others: " + one);
    const auto now = std::chrono::system_clock::now();
    for (size_t kind = 0; kind < state_.mends.size(); ++kind)
        if (const engine::Mend& mend = state_.mends[kind]; mend.last && now - *mend.last < std::chrono::minutes(10))
            found.notes.push_back(
                fmt::format("the agent has mended {} by itself, the last time {} s ago ({} since it started)",
                            engine::kMendNames[kind],
                            std::chrono::duration_cast<std::chrono::seconds>(now - *mend.last).count(), mend.count));
}

void Agent::begin_pass(bool asked) {
    engine::ComparisonOrder order;
    // Who only looks, and who mends, get passes of their own.
    order.mends = !asked || verify_.asked.front().repair;
    for (const auto& [ifindex, link] : state_.links->links())
        if (state_.engine->attached(ifindex) || asked)
            order.interfaces[ifindex] = link.name;
    for (const auto& [ifindex, name] : state_.early_drop.uplinks)
        if (!state_.early_drop.refused.contains(ifindex))
            order.uplinks[ifindex] = name;
    for (const auto& [ifindex, ways] : state_.fast_path.uplinks)
        order.uplinks[ifindex] = state_.fast_path.uplink_names[ifindex];
    VerifyQueue::Pass pass;
    pass.comparison = state_.engine->compare(order, asked);
    pass.mends = order.mends;
    if (asked) {
        const auto others = std::ranges::stable_partition(
            verify_.asked, [&](const VerifyQueue::Question& one) { return one.repair == order.mends; });
        pass.questions.assign(verify_.asked.begin(), others.begin());
        verify_.asked.erase(verify_.asked.begin(), others.begin());
    }
    pass.began_at = Clock::now();
    if (asked)
        verify_own(pass.own);
    verify_.pass.emplace(std::move(pass));
}

// One slice, if one is due.
void Agent::verify_slice() {
    const auto begin = Clock::now();
    if (!state_.enforcing || !state_.engine || begin < verify_.slice_at)
        return;
    // A store that failed while it mended: the loop loads everything anew.
    if (state_.engine->broken()) {
        dirty_ = true;
        verify_.slice_at = begin + std::chrono::seconds(1);
        return;
    }
    const bool by_itself = state_.options.verify_interval_ms > 0 && begin >= verify_.next_pass_at;
    if (!verify_.pass && verify_.asked.empty() && !by_itself)
        return;
    if (!verify_.pass)
        begin_pass(!verify_.asked.empty());
    const auto used_before = cpu_time();
    const bool over = !verify_.pass->comparison || verify_.pass->comparison->step(begin + kSlice);
    const auto took = Clock::now() - begin;
    verify_.pass->took += took;
    state_.verify.took += took;
    // Who asks waits for a pass that is under way, which then goes on without rest.
    if (verify_.pass->questions.empty() && verify_.asked.empty())
        verify_.slice_at = begin + took + kRest * (cpu_time() - used_before);
    if (over)
        end_pass();
}

void Agent::end_pass() {
    VerifyQueue::Pass pass = std::move(*verify_.pass);
    verify_.pass.reset();
    const auto interval = std::chrono::milliseconds(state_.options.verify_interval_ms);
    // An engine that has nothing for it is asked again by who asks.
    verify_.next_pass_at =
        pass.began_at + (pass.comparison ? interval : std::max<Clock::duration>(interval, std::chrono::minutes(1)));
    if (!pass.comparison && pass.questions.empty())
        return;
    Verification found = pass.comparison ? pass.comparison->found() : Verification{};
    found.took_us = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(pass.took).count());
    if (!pass.comparison)
        found.check("loaded").unread = "this engine has nothing in force to compare yet";
    if (!pass.questions.empty())
        note_others(found);
    note_differences(found, pass.mends);
    std::ranges::move(pass.own.checks, std::back_inserter(found.checks));
    std::ranges::move(pass.own.differences, std::back_inserter(found.differences));
    if (pass.questions.empty())
        return;
    for (const VerifyQueue::Question& one : pass.questions)
        verify_.answers[one.number] = found;
    while (verify_.answers.size() > kAnswersKept)
        verify_.answers.erase(verify_.answers.begin());
}

// Of maps and programs: what the agent's audits mend they count themselves.
void Agent::note_differences(const Verification& found, bool mends) {
    VerifyState& state = state_.verify;
    ++state.passes;
    state.last = std::chrono::system_clock::now();
    state.last_took = std::chrono::microseconds(found.took_us);
    if (mends)
        state.trouble.clear();
    uint64_t attachments = 0;
    uint64_t maps = 0;
    uint64_t chains = 0;
    for (const report::CheckRow& check : found.checks) {
        state.differences[check.name] += check.differences;
        state.mended += check.mended;
        (check.name == "attachments" || check.name == "uplinks" ? attachments
         : check.name == "chains"                               ? chains
                                                                : maps) += check.mended;
        if (!check.unread.empty()) {
            ++state.unread;
            state.trouble = fmt::format("{} could not be compared: {}", check.name, check.unread);
        } else if (mends && check.mended < check.differences) {
            state.trouble = fmt::format("{} of {} differences of {} could not be mended",
                                        check.differences - check.mended, check.differences, check.name);
        }
    }
    if (std::exchange(verify_.told, state.trouble) != state.trouble && !state.trouble.empty())
        spdlog::error("compare what is loaded with what is to be: {}", state.trouble);
    if (!mends)
        return;
    const auto count = [&](MendKind kind, uint64_t number) {
        engine::Mend& mend = state_.mends[static_cast<size_t>(kind)];
        mend.count += number;
        if (number > 0)
            mend.last = state.last;
    };
    count(MendKind::attachments, attachments);
    count(MendKind::maps, maps);
    count(MendKind::chains, chains);
    for (size_t i = 0; i < std::min(found.differences.size(), kLogged); ++i)
        spdlog::warn("what is loaded was changed by others: {}", sentence_of(found.differences[i]));
    if (attachments + maps > kLogged)
        spdlog::warn("what is loaded was changed by others: {} more such entries", attachments + maps - kLogged);
}

Result<report::Verified> Agent::verify(std::optional<uint64_t> question, bool repair) {
    if (!question) {
        if (state_.options.mode == Mode::iptables && !repair)
            return fail(
                "verify without --repair: iptables mode cannot compare its chains and sets without writing them; with "
                "--repair it writes what differs, as its audit does once a minute");
        if (verify_.asked.size() >= kMostAsked)
            return fail("{} passes are asked for already: try again", verify_.asked.size());
        verify_.asked.push_back({++verify_.last_question, repair});
        verify_.slice_at = {};
        return report::Verified{verify_.last_question, {}};
    }
    if (const auto answer = verify_.answers.find(*question); answer != verify_.answers.end())
        return report::Verified{std::nullopt, answer->second};
    if (verify_.waits_for(*question))
        return report::Verified{question, {}};
    return fail(
        "the pass that was asked for is not known any more (the agent was restarted, or others asked meanwhile): "
        "ask again");
}

}  // namespace catflap::agent
