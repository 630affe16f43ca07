// SPDX-License-Identifier: Apache-2.0
#include "source/api/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace catflap::source {
namespace {

constexpr size_t kMostWaiting = 10'000;

// What a loop has to hear of at once; times of the last word and counts can wait until somebody asks.
bool same_to_all(const Standing& one, const Standing& other) {
    return one.status.error == other.status.error && one.status.synced == other.status.synced &&
           one.status.absent == other.status.absent && one.failing_since == other.failing_since;
}

}  // namespace

Result<std::unique_ptr<Mailbox>> Mailbox::open(size_t resources) {
    UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event)
        return fail_errno(errno, "open an event descriptor");
    return std::unique_ptr<Mailbox>(new Mailbox(std::move(event), resources));
}

void Mailbox::ring() {
    const uint64_t one = 1;
    (void)!write(event_.get(), &one, sizeof(one));
}

void Mailbox::put(Delivery delivery) {
    delivery.arrived_at = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    deliveries_.push_back(std::move(delivery));
    ring();
}

void Mailbox::set_standings(std::vector<Standing> standings) {
    const std::lock_guard lock(mutex_);
    if (!std::ranges::equal(standings, standings_, same_to_all))
        ring();
    standings_ = std::move(standings);
}

// Nobody waits for these: each side looks at the other's when it comes by.
void Mailbox::set_lease(std::optional<LeaseStatus> lease) {
    const std::lock_guard lock(mutex_);
    lease_ = std::move(lease);
}

std::optional<LeaseStatus> Mailbox::lease() const {
    const std::lock_guard lock(mutex_);
    return lease_;
}

void Mailbox::set_presence(const Presence& presence) {
    const std::lock_guard lock(mutex_);
    presence_ = presence;
    presence_at_ = std::chrono::steady_clock::now();
}

std::optional<Presence> Mailbox::presence() const {
    const std::lock_guard lock(mutex_);
    if (std::chrono::steady_clock::now() - presence_at_ > kPresenceHolds)
        return std::nullopt;
    return presence_;
}

void Mailbox::set_refused(const std::vector<RefusedPolicy>& refused) {
    const std::lock_guard lock(mutex_);
    refused_ = refused;
}

std::optional<std::vector<RefusedPolicy>> Mailbox::take_refused() {
    const std::lock_guard lock(mutex_);
    return std::exchange(refused_, std::nullopt);
}

void Mailbox::set_cannot_tell_owners(const std::string& why) {
    const std::lock_guard lock(mutex_);
    cannot_tell_owners_ = why;
}

std::string Mailbox::cannot_tell_owners() const {
    const std::lock_guard lock(mutex_);
    return cannot_tell_owners_;
}

bool Mailbox::full() const {
    const std::lock_guard lock(mutex_);
    return deliveries_.size() >= kMostWaiting;
}

std::deque<Delivery> Mailbox::take() {
    const std::lock_guard lock(mutex_);
    uint64_t count = 0;
    (void)!read(event_.get(), &count, sizeof(count));
    return std::exchange(deliveries_, {});
}

std::vector<Standing> Mailbox::standings() const {
    const std::lock_guard lock(mutex_);
    return standings_;
}

}  // namespace catflap::source
