// SPDX-License-Identifier: Apache-2.0
// The loop: waits for events, and answers each by "look again".
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <span>

#include "agent/agent.h"
#include "control/readiness.h"

namespace catflap::agent {
namespace {

using Clock = std::chrono::steady_clock;

// SIGHUP would end the process otherwise.
Result<UniqueFd> open_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int one : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&signals, one);
    if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0)
        return fail_errno(errno, "block the signals");
    UniqueFd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd)
        return fail_errno(errno, "open a signal descriptor");
    return fd;
}

// Housekeeping that nobody waits for.
Result<UniqueFd> open_timer() {
    UniqueFd fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    const itimerspec interval{{1, 0}, {1, 0}};
    if (!fd || timerfd_settime(fd.get(), 0, &interval, nullptr) != 0)
        return fail_errno(errno, "open a timer");
    return fd;
}

}  // namespace

struct Agent::Events {
    UniqueFd epoll;
    UniqueFd signals;
    UniqueFd timer;
    std::array<epoll_event, 8> happened{};
    int count = 0;
    bool stop = false;
    std::optional<std::chrono::microseconds> watchdog = control::watchdog_interval();
    Clock::time_point watchdog_at{};

    Result<> watch(int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        // Asked again each round: a descriptor of an engine that was closed takes itself out, and its number comes
        // again.
        if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0 && errno != EEXIST)
            return fail_errno(errno, "watch a descriptor");
        return {};
    }
    // Only from the loop: a process whose loop stands still is to be taken for dead.
    void tell_watchdog() {
        if (!watchdog || Clock::now() < watchdog_at)
            return;
        watchdog_at = Clock::now() + *watchdog;
        if (const auto told = control::notify("WATCHDOG=1"); !told)
            spdlog::warn("{}", told.error().message);
    }
};

Result<> Agent::open_events() {
    auto signals = open_signals();
    auto timer = open_timer();
    if (!signals || !timer)
        return tl::unexpected(!signals ? signals.error() : timer.error());
    events_ = std::make_shared<Events>();
    events_->signals = std::move(*signals);
    events_->timer = std::move(*timer);
    events_->epoll = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
    if (!events_->epoll)
        return fail_errno(errno, "create an epoll descriptor");
    auto exchange = metrics::Exchange::open();
    if (!exchange)
        return tl::unexpected(exchange.error());
    exchange_ = std::move(*exchange);
    for (const int fd : {events_->signals.get(), events_->timer.get(), control_->fd(), exchange_->fd()})
        if (auto done = events_->watch(fd); !done)
            return done;
    serve_metrics();
    return {};
}

// What a start has opened so far.
Result<> Agent::watch_sources() {
    for (const int fd :
         {state_.source ? state_.source->fd() : -1, state_.links ? state_.links->fd() : -1, rules_ ? rules_->fd() : -1,
          fast_path_watch_.survey ? fast_path_watch_.survey->fd() : -1, state_.engine ? state_.engine->fd() : -1})
        if (fd >= 0)
            if (auto done = events_->watch(fd); !done)
                return done;
    return {};
}

int Agent::time_to_wait() const {
    auto until = Clock::time_point::max();
    if (!state_.enforcing)
        until = retry_at_;
    else if (may_save() && state_.source->unsaved())
        until = save_at_;
    else if (dirty_ && may_wait())
        until = rest_until_;
    if (state_.enforcing)
        until = std::min(until, verify_.due_at(state_.options.verify_interval_ms));
    if (const auto look = monitor_.next_look())
        until = std::min(until, *look);
    if (events_->watchdog)
        until = std::min(until, events_->watchdog_at);
    if (until == Clock::time_point::max())
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    return static_cast<int>(std::max<int64_t>(0, left.count()));
}

Result<bool> Agent::step(std::chrono::milliseconds limit) {
    if (!events_)
        if (auto done = open_events(); !done)
            return tl::unexpected(done.error());
    Events& events = *events_;
    const auto happened = std::span(events.happened).first(static_cast<size_t>(std::exchange(events.count, 0)));
    const bool links_changed = std::ranges::any_of(
        happened, [&](const epoll_event& event) { return state_.links && event.data.fd == state_.links->fd(); });
    if (auto done = work(links_changed); !done)
        return tl::unexpected(done.error());
    for (const epoll_event& event : happened)
        if (auto done = handle(event.data.fd); !done)
            return tl::unexpected(done.error());
    verify_slice();
    monitor_.look(state_, *control_);
    if (auto done = watch_sources(); !done)
        return tl::unexpected(done.error());
    events.tell_watchdog();
    exchange_->beat(state_.enforcing);
    if (events.stop)
        return false;
    const int wait_ms = time_to_wait();
    const int most_ms = static_cast<int>(limit.count());
    events.count = epoll_wait(events.epoll.get(), events.happened.data(), static_cast<int>(events.happened.size()),
                              wait_ms < 0 ? most_ms : std::min(wait_ms, most_ms));
    const int error = errno;
    if (std::exchange(events.count, std::max(events.count, 0)) < 0 && error != EINTR)
        return fail_errno(error, "wait for events");
    return true;
}

Result<> Agent::run() {
    constexpr std::chrono::milliseconds kLong = std::chrono::hours(1);
    for (;;) {
        const auto more = step(kLong);
        if (!more)
            return tl::unexpected(more.error());
        if (!*more)
            break;
    }
    exchange_->close();
    for (; state_.enforcing && may_save() && state_.source->unsaved(); save_source())
        save_at_ = {};
    return {};
}

Result<> Agent::work(bool links_changed) {
    if (!state_.enforcing)
        return Clock::now() < retry_at_ ? Result<>{} : try_to_start();
    audit_ |= links_changed;
    if (auto done = reconcile(true); !done) {
        if (done.error().message != last_error_)
            spdlog::error("{}", done.error().message);
        last_error_ = done.error().message;
        replace_broken_engine();
    } else if (state_.commit_error.empty() && !std::exchange(last_error_, "").empty()) {
        spdlog::info("in order again");
    }
    if (links_changed || fast_path_watch_.due) {
        renew_fast_path();
        renew_early_drop();
    }
    if (state_.enforcing)
        save_source();
    return {};
}

Result<> Agent::handle(int fd) {
    if (fd == events_->signals.get()) {
        signalfd_siginfo signal{};
        if (read(fd, &signal, sizeof(signal)) != sizeof(signal))
            return {};
        if (signal.ssi_signo == SIGHUP)
            reload_options("SIGHUP", true);
        else
            events_->stop = true;
    } else if (fd == control_->fd()) {
        control_->serve();
    } else if (fd == exchange_->fd()) {
        collect_metrics();
    } else if (fd == events_->timer.get()) {
        uint64_t expirations = 0;
        if (read(fd, &expirations, sizeof(expirations)) > 0)
            every_second();
    } else if (rules_ && fd == rules_->fd()) {
        hear_of_rules();
    } else if (fast_path_watch_.survey && fd == fast_path_watch_.survey->fd()) {
        renew_fast_path();
    } else if (state_.engine && fd == state_.engine->fd()) {
        if (auto done = reclaim(); !done)
            spdlog::error("{}", done.error().message);
    } else if (!state_.enforcing) {
        take_in_changes();
    }
    return {};
}

void Agent::every_second() {
    spdlog::default_logger_raw()->flush();  // what was left out of the log is told
    serve_metrics();
    if (!state_.options.config.empty() && config_changed())
        reload_options("the configuration file has changed", false);
    audit_rules();
    if (state_.guard)
        audit_pins();
    tell_presence();
    if (!state_.enforcing)
        return;
    renew_fast_path();
    renew_early_drop();
    audit_ = true;
    dirty_ |= !state_.commit_error.empty() || derivation_.is_admission_due();
    if (state_.engine)
        state_.engine->begin_reclaiming();
}

bool Agent::config_changed() {
    // Empty: somebody is writing it, or it is away.
    const ConfigStamp now = stamp_of(state_.options.config);
    return !now.is_empty() && now != state_.options.config_stamp;
}

// What cannot be changed while the agent runs is named.
void Agent::reload_options(const char* why, bool with_source) {
    const auto now = read_options_();
    if (!now) {
        spdlog::error("{}: {}; the options stay as they are", why, now.error().message);
        state_.options.config_stamp = stamp_of(state_.options.config);  // told once
    } else {
        state_.options.config_stamp = now->config_stamp;
        spdlog::set_level(now->log_level);
        spdlog::set_formatter(make_formatter(now->log_format));
        state_.options.log_level = now->log_level;
        state_.options.log_format = now->log_format;
        state_.options.on_failure = now->on_failure;
        state_.options.metrics_rows = now->metrics_rows;
        state_.options.metrics = now->metrics;
        serve_again_at_ = {};
        serve_metrics();
        spdlog::info("{}: the log level is {}{}", why, spdlog::level::to_string_view(now->log_level),
                     with_source ? "; the source is looked at again" : "");
        if (const auto names = needs_restart(state_.options, *now); !names.empty())
            spdlog::warn("{}: {} stay as they are until catflapd is restarted", why, fmt::join(names, ", "));
    }
    if (!with_source)  // to list everything again is much to ask of an API server for a log level
        return;
    audit_ = true;
    dirty_ = true;
    if (state_.source)
        state_.source->doubt();
    if (!state_.enforcing)
        retry_at_ = {};
}

}  // namespace catflap::agent
