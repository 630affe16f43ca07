// SPDX-License-Identifier: Apache-2.0
// What others of the cluster see of this agent.
#include <spdlog/spdlog.h>

#include "agent/agent.h"
#include "agent/facts.h"
#include "report/conditions.h"

namespace catflap::agent {
namespace {

// All conditions are computed for it, and nobody who looks at a fleet needs it sooner.
constexpr std::chrono::seconds kTellPresence{5};

// "NetworkPolicy shop/web" -> its name; nothing: of another kind.
std::optional<ObjectName> policy_named(const std::string& object) {
    constexpr std::string_view kPolicy = "NetworkPolicy ";
    const size_t slash = object.find('/');
    if (!object.starts_with(kPolicy) || slash == std::string::npos)
        return std::nullopt;
    return ObjectName{object.substr(kPolicy.size(), slash - kPolicy.size()), object.substr(slash + 1)};
}

std::vector<source::RefusedPolicy> refused_policies(const AgentState& state) {
    std::vector<source::RefusedPolicy> result;
    for (const source::Diagnostic& refusal : state.source->refusals()) {
        const auto name = policy_named(refusal.object);
        const auto outcome = outcome_of(state, refusal);
        if (name && result.size() < kMaxNamed)
            result.push_back({name->ns, name->name, "Refused",
                              fmt::format("{}: {}{}", refusal.field, refusal.message,
                                          outcome ? fmt::format("; {}", sentence_of(*outcome)) : "")});
    }
    for (const compile::Refusal& one : state.not_admitted)
        if (one.kind == "NetworkPolicy" && result.size() < kMaxNamed)
            result.push_back(
                {one.object.ns, one.object.name, "DoesNotFit",
                 fmt::format("does not fit on node {} (and maybe others): {}; the pods that it selects there are "
                             "isolated without its rules",
                             state.options.node, one.reason)});
    return result;
}

}  // namespace

void Agent::tell_presence() {
    if (!state_.source)
        return;
    const bool has_lease = state_.source->lease().has_value();
    const bool is_new = has_lease != std::exchange(has_lease_, has_lease);  // it waits for what is told
    if (!is_new && Clock::now() < tell_presence_at_)
        return;
    tell_presence_at_ = Clock::now() + kTellPresence;
    // Without a Lease nobody reads it, and it walks what is out of reach.
    if (has_lease) {
        const std::string failing = report::failing_ids(report::findings(facts_of(state_)));
        state_.source->set_presence({to_string(state_.options.mode), failing.empty() ? "enforcing" : failing});
    }
    state_.source->set_refused_policies(refused_policies(state_));
    log_lease();
    log_events();
}

// It is optional: told once, and no failure. A server that is away is told as a source that is stale.
void Agent::log_lease() {
    const auto lease = state_.source->lease();
    if (!lease || lease->not_allowed == std::exchange(told_no_lease_, lease->not_allowed))
        return;
    if (lease->not_allowed)
        spdlog::info(
            "without a Lease, by which catflap status --cluster would know that this agent lives: {}; it is "
            "tried again every 5 minutes (--lease-seconds 0: never)",
            lease->error);
    else
        spdlog::info("holds the Lease {}", lease->name);
}

void Agent::log_events() {
    const std::string why = state_.source->cannot_tell_owners();
    const bool cannot = !why.empty();
    if (cannot == std::exchange(told_no_events_, cannot))
        return;
    if (cannot)
        spdlog::info("owners of refused policies are not told by Events: {}; it is tried again every 5 minutes", why);
    else
        spdlog::info("owners of refused policies are told by Events");
}

}  // namespace catflap::agent
