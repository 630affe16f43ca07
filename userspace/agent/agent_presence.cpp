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

}  // namespace

void Agent::tell_presence() {
    if (!state_.source || Clock::now() < tell_presence_at_)
        return;
    tell_presence_at_ = Clock::now() + kTellPresence;
    const std::string failing = report::failing_ids(report::findings(facts_of(state_)));
    state_.source->set_presence({to_string(state_.options.mode), failing.empty() ? "enforcing" : failing});
    log_lease();
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

}  // namespace catflap::agent
