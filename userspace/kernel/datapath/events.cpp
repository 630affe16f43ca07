// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/events.h"

#include <bpf/libbpf.h>

#include <atomic>
#include <cerrno>
#include <ctime>

#include "kernel/datapath/programs.h"

namespace catflap::kernel {
namespace {

uint64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

void EventRing::Free::operator()(ring_buffer* ring) const {
    ring_buffer__free(ring);
}

Result<EventRing> EventRing::open(int events_fd) {
    EventRing ring;
    ring.reading_ = std::make_unique<Reading>();
    // libbpf 1.1 cannot be told how many to read. What a callback that fails was given counts as read, and the rest
    // stays (ringbuf_process_ring in libbpf's ringbuf.c).
    const auto take = [](void* context, void* data, size_t bytes) {
        auto& reading = *static_cast<Reading*>(context);
        if (bytes == sizeof(catflap_event)) {
            ++reading.count;
            (*reading.take)(*static_cast<const catflap_event*>(data));
        }
        return --reading.left == 0 ? -ECANCELED : 0;
    };
    ring.ring_.reset(ring_buffer__new(events_fd, take, ring.reading_.get(), nullptr));
    if (!ring.ring_)
        return fail_errno(errno, "map the ring of events");
    return ring;
}

size_t EventRing::read(size_t most, const std::function<void(const catflap_event&)>& take) {
    if (most == 0)
        return 0;
    *reading_ = {most, 0, &take};
    ring_buffer__consume(ring_.get());  // fails only by the callback
    return reading_->count;
}

Result<> Datapath::listen(uint32_t what, std::chrono::milliseconds at_most) {
    auto* bss = programs_->skeleton->bss;
    std::atomic_ref listening(bss->catflap_listening);
    if (what != 0 && !events_) {
        auto ring = EventRing::open(map_fd("events"));
        if (!ring)
            return tl::unexpected(ring.error());
        events_ = std::move(*ring);
    }
    const auto limit_ns = static_cast<uint64_t>(std::chrono::nanoseconds(at_most).count());
    std::atomic_ref(bss->catflap_listening_until_ns).store(what == 0 ? 0 : monotonic_ns() + limit_ns);
    // Events that were left unread when the last one stopped to listen are nobody's.
    if (what != 0 && listening.load() == 0)
        events_->read(CATFLAP_EVENT_RING_BYTES / sizeof(catflap_event), [](const catflap_event&) {});
    if (listening.load() != what)  // else the line would go to this CPU for nothing
        listening.store(what);
    return {};
}

uint32_t Datapath::listening() const {
    return std::atomic_ref(programs_->skeleton->bss->catflap_listening).load();
}

size_t Datapath::read_events(size_t most, const std::function<void(const catflap_event&)>& take) {
    return events_ ? events_->read(most, take) : 0;
}

Result<catflap_event_losses> Datapath::event_losses() const {
    return sum_over_cpus<catflap_event_losses>(map_fd("event_losses"), "event_losses", 0);
}

}  // namespace catflap::kernel
