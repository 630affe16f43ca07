// SPDX-License-Identifier: Apache-2.0
// What the thread that talks to the API server and the loop that enforces hand over to each other.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "base/unique_fd.h"
#include "source/decode/api_object.h"
#include "source/source.h"

namespace catflap::source {

// Of one kind: either all of its objects, or a change of one.
struct Delivery {
    size_t resource = 0;    // its place in resources()
    uint64_t question = 0;  // of a list: see Reflector::doubt()
    std::variant<Decoded, WatchEvent> content;
    std::chrono::steady_clock::time_point arrived_at{};  // set by put()
};

// How a kind stands, for status and for whether there is something to complain about.
struct Standing {
    FeedStatus status;
    std::optional<std::chrono::steady_clock::time_point> failing_since;
};

class Mailbox {
  public:
    static Result<std::unique_ptr<Mailbox>> open(size_t resources);

    // ---- The thread ----
    void put(Delivery delivery);
    void set_standings(std::vector<Standing> standings);
    void set_lease(std::optional<LeaseStatus> lease);
    // Nothing: the loop has not told it, or not for a while.
    [[nodiscard]] std::optional<Presence> presence() const;
    // Nothing: they are as they were at the last call.
    std::optional<std::vector<RefusedPolicy>> take_refused();
    void set_cannot_tell_owners(const std::string& why);
    // So much has not been taken yet that the server has to wait.
    [[nodiscard]] bool full() const;

    // ---- The loop ----
    // Readable while there is something to take.
    [[nodiscard]] int fd() const { return event_.get(); }
    std::deque<Delivery> take();
    [[nodiscard]] std::vector<Standing> standings() const;
    void set_presence(const Presence& presence);
    [[nodiscard]] std::optional<LeaseStatus> lease() const;
    void set_refused(const std::vector<RefusedPolicy>& refused);
    [[nodiscard]] std::string cannot_tell_owners() const;

  private:
    explicit Mailbox(UniqueFd event, size_t resources) : event_(std::move(event)), standings_(resources) {}
    void ring();

    UniqueFd event_;
    mutable std::mutex mutex_;
    std::deque<Delivery> deliveries_;
    std::vector<Standing> standings_;
    // The loop tells it every few seconds. One that hangs does not enforce what changes, and shall hold no Lease.
    static constexpr std::chrono::seconds kPresenceHolds{60};
    std::optional<Presence> presence_;
    std::chrono::steady_clock::time_point presence_at_{};
    std::optional<LeaseStatus> lease_;
    std::optional<std::vector<RefusedPolicy>> refused_;
    std::string cannot_tell_owners_;
};

}  // namespace catflap::source
