// SPDX-License-Identifier: Apache-2.0
// Holds a Lease for this node's agent, so that anybody who may read it sees on which nodes one lives, which version,
// and how it is. https://kubernetes.io/docs/concepts/architecture/leases/
//
// Nothing depends on it: where it is not allowed, the agent goes on without. It knows no sockets and no clock that
// could stop, so tests can play the server.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "source/api/asker.h"
#include "source/api/backoff.h"
#include "source/api/lease.h"
#include "source/source.h"

namespace catflap::source {

struct LeaseOptions {
    std::string node;  // whose agent this is
    std::string ns = kLeaseNamespace;
    std::chrono::seconds duration{0};  // how long a renewal counts; 0: no lease is held
};

class LeaseKeeper : public Asker {
  public:
    // transport: outlives it. seed: of the jitter.
    LeaseKeeper(LeaseOptions options, Transport& transport, uint32_t seed);

    // What the Lease shall say from now on; nothing: it is not renewed.
    void set(const std::optional<Presence>& presence);
    // Begins the next request where one is due, and gives up one that has been silent for too long. Returns when to
    // call again, if nothing happens before.
    Clock::time_point step(Clock::time_point now);
    [[nodiscard]] const LeaseStatus& status() const { return status_; }

    // ResponseHandler
    void end(const Result<>& outcome) override;

  private:
    enum class Asked : uint8_t { nothing, node, lease };

    void ask_for_node();
    void write_lease();
    void end_of_node(const Result<>& outcome);
    void written();
    void refused();
    // at_least: how long to wait.
    void failed(std::string why, Clock::duration at_least = {});
    [[nodiscard]] Clock::duration interval();
    [[nodiscard]] Clock::time_point due() const;

    LeaseOptions options_;
    Backoff backoff_;
    std::minstd_rand random_;
    LeaseStatus status_;
    std::chrono::system_clock::time_point acquired_at_ = std::chrono::system_clock::now();

    std::optional<Presence> presence_;
    std::optional<Presence> sent_;  // by the last request to write
    Clock::time_point due_{};
    Clock::time_point sent_at_{-std::chrono::hours(1)};  // long ago
    bool failing_ = false;
    // The Node that owns the Lease, so that the cluster removes both together; "": not known.
    std::string node_uid_;
    Clock::time_point ask_node_at_{};
    bool is_without_owner_ = false;  // the write under way, after one with an owner was refused

    // Of the request that is under way.
    Asked asked_ = Asked::nothing;
};

}  // namespace catflap::source
