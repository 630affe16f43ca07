// SPDX-License-Identifier: Apache-2.0
// The agent where the desired state does not fit: what of it does is enforced, and the rest is named.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <ranges>

#include "agent/agent.h"
#include "control/readiness.h"

namespace catflap::agent {
namespace {

// A commit writes new tables and counters beside those that they replace.
constexpr uint32_t kTwice = 2;

constexpr size_t kLogged = 20;

uint32_t grown(uint32_t needed, uint32_t now, uint32_t most) {
    return std::min(most, std::max(now, std::bit_ceil(kTwice * needed)));
}

compile::Capacity capacity_for(const compile::Needs& needs, const compile::Capacity& now) {
    return {grown(needs.pages, now.pages, CATFLAP_TABLE_PAGES),
            grown(needs.decisions, now.decisions, CATFLAP_MAX_RULES)};
}

}  // namespace

Result<> Agent::commit_what_fits() {
    derivation_.while_admitting([] { (void)control::notify("WATCHDOG=1"); });
    derivation_.does_not_fit(compile::Limits());
    auto done = try_commit();
    if (done || state_.engine->broken() || done.error().code != compile::kDoesNotFit || reloading_)
        return done;
    const compile::Capacity now = state_.engine->capacity();
    const compile::Capacity wanted = capacity_for(derivation_.admission().needs, now);
    spdlog::info("the state needs tables of {} pages and {} counters, and the datapath has {} and {}", wanted.pages,
                 wanted.decisions, now.pages, now.decisions);
    done = reload(wanted);
    if (done || (state_.engine && state_.engine->broken()) || wanted == now)
        return done;
    spdlog::error("{}; going on with a datapath as large as before", done.error().message);
    derivation_.does_not_fit(compile::Limits(now));
    return reload(now);
}

Result<> Agent::reopen(const compile::Capacity& capacity) {
    const bool owes = state_.engine && state_.engine->owes_connections();
    verify_.forget_pass();
    state_.engine.reset();  // what is attached stays
    derivation_.forget_commit();
    auto opened = engines_.open(state_.options, capacity);
    if (!opened)
        return tl::unexpected(opened.error());
    state_.engine = std::move(*opened);
    if (owes)
        state_.engine->owe_connections();
    return {};
}

void Agent::note_not_admitted(const engine::CommitReport& report) {
    std::vector<compile::Refusal> now = derivation_.admission().refusals;
    for (const compile::EndpointSpec& spec : report.without_place)
        now.push_back({"Pod", spec.pod.value_or(ObjectName{}),
                       fmt::format("its interface {} ({}) finds no place in the map of interfaces, and stays closed: "
                                   "start the pod again",
                                   spec.interface, spec.ifindex)});
    std::ranges::sort(now);
    std::vector<compile::Refusal> fresh;
    std::ranges::set_difference(now, state_.not_admitted, std::back_inserter(fresh));
    for (const compile::Refusal& one : fresh | std::views::take(kLogged))
        spdlog::error("{} does not fit on this node: {}", to_string(one), one.reason);
    if (fresh.size() > kLogged)
        spdlog::error("{} more objects do not fit on this node: catflap status has them", fresh.size() - kLogged);
    if (now.empty() && !state_.not_admitted.empty())
        spdlog::info("everything fits on this node again");
    state_.not_admitted = std::move(now);
}

}  // namespace catflap::agent
