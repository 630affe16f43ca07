// SPDX-License-Identifier: Apache-2.0
// Tells the owner of a NetworkPolicy that it is not enforced as it stands, by an Event in its namespace: who may not
// see the agents sees that. https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
//
// All agents of a cluster refuse the same policies. The Event's name follows from the version of the policy, so the
// first agent makes it, and the others find that it is there. Nothing depends on it. It knows no sockets and no clock
// that could stop, so tests can play the server.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "source/api/asker.h"
#include "source/api/backoff.h"
#include "source/source.h"

namespace catflap::source {

class RefusalEvents : public Asker {
  public:
    // node: whose agent this is. transport: outlives it. seed: of the jitter.
    RefusalEvents(std::string node, Transport& transport, uint32_t seed);

    // All that are refused now.
    void set(const std::vector<RefusedPolicy>& refused, Clock::time_point now);
    // Begins the next request where one is due, and gives up one that has been silent for too long. Returns when to
    // call again, if nothing happens before.
    Clock::time_point step(Clock::time_point now);
    // Why no Events are written, where no time mends it: a right is missing; "".
    [[nodiscard]] const std::string& not_allowed() const { return not_allowed_; }

    // ResponseHandler
    void end(const Result<>& outcome) override;

  private:
    enum class Asked : uint8_t { nothing, policy, event };

    void write_event();
    void end_of_policy(const Result<>& outcome);
    void end_of_event(const Result<>& outcome);
    void put_off(Clock::duration at_least);
    // It is told, or nobody is there to be told.
    void done();
    [[nodiscard]] std::string event_name() const;

    std::string node_;
    Backoff backoff_;
    std::minstd_rand random_;
    std::map<RefusedPolicy, Clock::time_point> due_;  // when each is told (again)
    Clock::time_point next_at_{};                     // not before, whatever is due
    std::string not_allowed_;

    // Of the request that is under way.
    Asked asked_ = Asked::nothing;
    RefusedPolicy current_;
    std::string uid_;      // of current_; "": not known
    std::string version_;  // what else tells this version of it from others
};

}  // namespace catflap::source
