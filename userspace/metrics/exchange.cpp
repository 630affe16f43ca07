// SPDX-License-Identifier: Apache-2.0
#include "metrics/exchange.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace catflap::metrics {

Result<std::shared_ptr<Exchange>> Exchange::open() {
    UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event)
        return fail_errno(errno, "open an event descriptor");
    return std::shared_ptr<Exchange>(new Exchange(std::move(event)));
}

void Exchange::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    answered_.notify_all();
}

void Exchange::beat(bool enforcing) {
    beat_ = Clock::now();
    enforcing_ = enforcing;
}

void Exchange::answer(Snapshot snapshot) {
    auto shared = std::make_shared<const Snapshot>(std::move(snapshot));
    const std::lock_guard lock(mutex_);
    uint64_t count = 0;
    (void)!read(event_.get(), &count, sizeof(count));
    snapshot_ = std::move(shared);
    answers_ = questions_;
    answered_.notify_all();
}

std::shared_ptr<const Snapshot> Exchange::ask(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    // One that is being made now will do: whoever asks at the same time gets the same.
    if (questions_ == answers_) {
        ++questions_;
        const uint64_t one = 1;
        (void)!write(event_.get(), &one, sizeof(one));
    }
    const uint64_t question = questions_;
    answered_.wait_for(lock, limit, [&] { return closed_ || answers_ >= question; });
    return answers_ >= question ? snapshot_ : nullptr;
}

}  // namespace catflap::metrics
