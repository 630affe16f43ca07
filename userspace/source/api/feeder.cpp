// SPDX-License-Identifier: Apache-2.0
#include "source/api/feeder.h"

#include <algorithm>
#include <random>

#include "source/api/credentials.h"
#include "source/api/http_transport.h"
#include "source/api/reflector.h"
#include "source/api/refusal_events.h"

namespace catflap::source {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{1000};
// While the loop has not taken what was handed over.
constexpr milliseconds kFullWait{5};

class Sink : public ReflectorSink {
  public:
    Sink(Mailbox& mailbox, size_t resource) : mailbox_(mailbox), resource_(resource) {}
    void whole(Decoded list, uint64_t question) override { mailbox_.put({resource_, question, std::move(list), {}}); }
    void changed(WatchEvent event) override { mailbox_.put({resource_, 0, std::move(event), {}}); }

  private:
    Mailbox& mailbox_;
    size_t resource_;
};

}  // namespace

struct Feeder::Parts {
    Parts(const Access& access, Mailbox& to) : mailbox(to), credentials(access) {}

    Mailbox& mailbox;
    Credentials credentials;
    std::vector<std::unique_ptr<ReflectorSink>> sinks;
    std::vector<std::unique_ptr<Reflector>> reflectors;
    std::optional<LeaseKeeper> lease;
    std::optional<RefusalEvents> events;
    std::unique_ptr<HttpTransport> transport;

    // What is written, beside what is read. Returns when it wants to be called again.
    std::chrono::steady_clock::time_point write() {
        auto next = std::chrono::steady_clock::time_point::max();
        const auto now = std::chrono::steady_clock::now();
        if (lease) {
            lease->set(mailbox.presence());
            next = lease->step(now);
            mailbox.set_lease(lease->status());
        }
        if (const auto refused = mailbox.take_refused())
            events->set(*refused, now);
        next = std::min(next, events->step(now));
        mailbox.set_cannot_tell_owners(events->not_allowed());
        return next;
    }
    template <class Act>
    void for_each_asker(const Act& act) {
        for (const auto& reflector : reflectors)
            act(*reflector);
        if (lease)
            act(*lease);
        act(*events);
    }
    [[nodiscard]] size_t count_failing() const {
        return static_cast<size_t>(std::ranges::count_if(
            reflectors, [](const auto& reflector) { return reflector->failing_since().has_value(); }));
    }
    [[nodiscard]] std::vector<Standing> standings() const {
        std::vector<Standing> result;
        for (const auto& reflector : reflectors)
            result.push_back({reflector->status(), reflector->failing_since()});
        return result;
    }
};

Feeder::Feeder(std::unique_ptr<Parts> parts, uint64_t question)
    : parts_(std::move(parts)), question_(question), thread_([this] { run(); }) {}

Result<std::unique_ptr<Feeder>> Feeder::start(const Access& access, const LeaseOptions& lease, Mailbox& mailbox,
                                              uint64_t question) {
    auto parts = std::make_unique<Parts>(access, mailbox);
    auto transport = HttpTransport::open(access, parts->credentials);
    if (!transport)
        return tl::unexpected(transport.error());
    parts->transport = std::move(*transport);
    std::random_device random;
    for (size_t i = 0; i < resources().size(); ++i) {
        parts->sinks.push_back(std::make_unique<Sink>(mailbox, i));
        parts->reflectors.push_back(
            std::make_unique<Reflector>(resources()[i], *parts->transport, *parts->sinks.back(), random(), question));
    }
    if (lease.duration > std::chrono::seconds(0))
        parts->lease.emplace(lease, *parts->transport, random());
    parts->events.emplace(lease.node, *parts->transport, random());
    mailbox.set_standings(parts->standings());
    return std::unique_ptr<Feeder>(new Feeder(std::move(parts), question));
}

Feeder::~Feeder() {
    stop_ = true;
    parts_->transport->wake();
    thread_.join();
}

void Feeder::doubt(uint64_t question) {
    question_ = question;
    parts_->transport->wake();
}

void Feeder::run() {
    uint64_t asked = question_;
    size_t failing = 0;  // of the reflectors, in the last round
    while (!stop_) {
        auto now = std::chrono::steady_clock::now();
        auto next = now + kLongestWait;
        const uint64_t question = question_;
        const bool doubted = std::exchange(asked, question) != question;
        for (const auto& reflector : parts_->reflectors) {
            if (doubted)
                reflector->doubt(question);
            next = std::min(next, reflector->step(std::chrono::steady_clock::now()));
        }
        next = std::min(next, parts_->write());
        parts_->mailbox.set_standings(parts_->standings());
        // Bytes that are not read make the server wait.
        if (parts_->mailbox.full()) {
            std::this_thread::sleep_for(kFullWait);
            parts_->for_each_asker([](auto& asker) { asker.hold(std::chrono::steady_clock::now()); });
            continue;
        }
        now = std::chrono::steady_clock::now();
        parts_->transport->wait(
            std::chrono::ceil<milliseconds>(std::max(next - now, std::chrono::steady_clock::duration::zero())));
        now = std::chrono::steady_clock::now();
        parts_->for_each_asker([now](auto& asker) { asker.tick(now); });
        parts_->transport->perform();
        const size_t failed_before = std::exchange(failing, parts_->count_failing());
        if (failing < failed_before)
            for (const auto& reflector : parts_->reflectors)
                reflector->hurry();
    }
}

}  // namespace catflap::source
