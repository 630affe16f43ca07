// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <fmt/ranges.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/facts.h"
#include "agent/report.h"

namespace catflap::agent {
namespace {

using Clock = std::chrono::steady_clock;

// After a commit of pods that may wait, the next one waits so many times as long as the last one took.
constexpr int kRestAfterCommit = 40;
constexpr std::chrono::milliseconds kLongestRest{500};

Result<UniqueFd> stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0)
        return fail_errno(errno, "block the stop signals");
    UniqueFd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd)
        return fail_errno(errno, "open a signal descriptor");
    return fd;
}

// Housekeeping that nobody waits for.
Result<UniqueFd> every_second() {
    UniqueFd fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    const itimerspec interval{{1, 0}, {1, 0}};
    if (!fd || timerfd_settime(fd.get(), 0, &interval, nullptr) != 0)
        return fail_errno(errno, "open a timer");
    return fd;
}

Result<> watch(int epoll_fd, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return fail_errno(errno, "watch a descriptor");
    return {};
}

// Those that were not there before: a source that changes often does not repeat its old ones.
void log_new(std::set<std::string>& known, std::set<std::string> now, spdlog::level::level_enum level,
             std::string_view what) {
    for (const std::string& text : now)
        if (!known.contains(text))
            spdlog::log(level, "{}{}", what, text);
    known = std::move(now);
}

// Everything on an interface without a known pod is dropped. A source without any Pod of this node is a mistake.
Result<> check_that_pods_are_known(const AgentState& state) {
    const Cluster& cluster = state.source->cluster();
    const std::string& node = state.options.node;
    const bool known = std::ranges::any_of(cluster.pods, [&](const auto& entry) { return entry.second.node == node; });
    if (known || state.links->links().empty() || state.options.without_pods || state.source->emptied_on_purpose())
        return {};
    std::set<std::string> nodes;
    for (const auto& [name, pod] : cluster.pods)
        if (!pod.node.empty() && nodes.size() < 3)
            nodes.insert(pod.node);
    return fail(
        "{} interfaces are here, and {} holds no Pod whose nodeName is \"{}\" ({}): everything on them would be dropped. "
        "Give --node the name that Pods have, and put all Namespaces, Nodes, Pods, Services, EndpointSlices and "
        "NetworkPolicies into the source; or start with --without-pods",
        state.links->links().size(), state.options.source_dir.string(), node,
        nodes.empty() ? "it has no Pods at all" : fmt::format("its Pods are on {}, ...", fmt::join(nodes, ", ")));
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::start(const Options& options) {
    std::unique_ptr<Agent> agent(new Agent(options));
    AgentState& state = agent->state_;
    state.started_at = std::chrono::system_clock::now();
    // First of all: it refuses to run beside another agent of the same directory.
    auto control = ControlServer::open(
        options.run_dir, [self = agent.get()](const nlohmann::json& request) { return self->answer(request); });
    if (!control)
        return tl::unexpected(control.error());
    agent->control_ = std::move(*control);
    auto source = source::Directory::open(
        options.source_dir, {.node = options.without_pods ? "" : options.node, .cache = options.run_dir / kCacheName});
    if (!source)
        return tl::unexpected(source.error());
    state.source = std::move(*source);
    if (const std::string& lost = state.source->cache_status()->lost; !lost.empty())
        spdlog::error("{}", lost);
    agent->log_diagnostics();
    auto links = LinkWatcher::open();
    if (!links)
        return tl::unexpected(links.error());
    state.links = std::move(*links);
    if (auto done = check_that_pods_are_known(state); !done)
        return tl::unexpected(done.error());
    auto grace = kernel::GracePeriod::open();
    if (!grace)
        return tl::unexpected(grace.error());
    agent->grace_ = std::move(*grace);
    auto guard = Guard::open(options.pin_dir);
    if (!guard)
        return tl::unexpected(guard.error());
    state.guard = std::move(*guard);
    auto dataplane = open_dataplane(options, {});
    if (!dataplane)
        return tl::unexpected(dataplane.error());
    state.dataplane = std::move(*dataplane);
    if (auto done = agent->first_commit(); !done)
        return tl::unexpected(done.error());
    malloc_trim(0);  // reading the whole source leaves as much behind as it keeps
    return agent;
}

// What an earlier agent left goes on judging, whatever its mode, until the new state is complete; connections that
// began before any agent are taken over before the first packet could be cut.
Result<> Agent::first_commit() {
    if (auto done = commit(); !done)
        return done;
    const auto adopted = state_.dataplane->adopt_connections();
    if (!adopted)
        spdlog::warn("{}; connections that exist will be judged as new ones", adopted.error().message);
    else if (*adopted)
        spdlog::info("adopted {} connections of nf_conntrack", **adopted);
    attach_all();
    close_unjudged();
    if (auto done = state_.dataplane->take_over(); !done)
        return done;
    take_away_others();
    spdlog::info("enforcing for {} pods on {} interfaces of node {} by {}", state_.local.pods.size(),
                 state_.links->links().size(), state_.options.node, state_.dataplane->attached_by());
    return {};
}

// At once: until its pod is known everything on a new interface is dropped, and nothing slips through.
Result<> Agent::refresh_links() {
    auto changed = state_.links->refresh();
    if (!changed)
        return tl::unexpected(changed.error());
    if (*changed) {
        dirty_ = true;
        derivation_.links_changed();
        state_.dataplane->keep_only(interfaces());
    }
    // An interface that was deleted and made again with its old index and name looks like no change.
    if (std::exchange(audit_, false) || *changed) {
        dirty_ |= state_.dataplane->audit();
        attach_missing();
        take_away_others();
    }
    return {};
}

void Agent::log_diagnostics() {
    std::set<std::string> refusals;
    for (const source::Diagnostic& refusal : state_.source->refusals())
        if (const auto outcome = outcome_of(state_, refusal))
            refusals.insert(fmt::format("{} ({})", to_string(refusal), sentence_of(*outcome)));
        else
            refusals.insert(to_string(refusal));
    std::set<std::string> warnings;
    for (const source::Diagnostic& warning : state_.source->warnings())
        warnings.insert(to_string(warning));
    log_new(logged_refusals_, std::move(refusals), spdlog::level::err, "refused: ");
    log_new(logged_warnings_, std::move(warnings), spdlog::level::warn, "");
}

void Agent::refresh_source(bool patient) {
    // Without interfaces nobody is cut off.
    state_.source->expect_pods_of(state_.options.without_pods || state_.links->links().empty() ? ""
                                                                                               : state_.options.node);
    auto changed = state_.source->refresh(patient);
    const std::string error = changed ? "" : changed.error().message;
    if (error != state_.source_error) {
        if (error.empty())
            spdlog::info("the source is read again");
        else
            spdlog::error("{}; what was read before stays enforced", error);
    }
    state_.source_error = error;
    if (changed && *changed) {
        dirty_ = true;
        log_diagnostics();
    }
}

// Only what is enforced: whoever is killed in between comes back with the version before it, which was good, too.
void Agent::save_source() {
    if (!may_save())
        return;
    const auto saved = state_.source->save();
    const std::string error = saved ? "" : saved.error().message;
    if (error != std::exchange(save_error_, error))
        spdlog::log(error.empty() ? spdlog::level::info : spdlog::level::err, "the last good versions {}",
                    error.empty() ? "are saved again" : "cannot be saved: " + error);
}

bool Agent::may_wait() const {
    const Changes& changes = state_.source->changes();
    return !changes.empty() && !derivation_.is_urgent(state_.source->cluster(), changes);
}

int Agent::time_to_wait() const {
    if (may_save() && state_.source->unsaved())
        return 0;
    if (!dirty_ || !may_wait())
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(rest_until_ - Clock::now());
    return std::max(0, static_cast<int>(left.count()));
}

Result<> Agent::reconcile(bool patient) {
    if (auto done = refresh_links(); !done)
        return done;
    refresh_source(patient);
    if (!dirty_ || (patient && Clock::now() < rest_until_ && may_wait()))
        return {};
    const auto begin = Clock::now();
    auto done = commit();
    const auto end = Clock::now();
    rest_until_ = end + std::min<Clock::duration>(kRestAfterCommit * (end - begin), kLongestRest);
    return done;
}

// What does not fit may only be waiting for the grace period of what it replaces.
Result<> Agent::commit() {
    auto done = try_commit();
    if (done || state_.dataplane->broken())
        return done;
    if (auto collected = collect(false); !collected)
        return collected;
    done = try_commit();
    if (done || state_.dataplane->broken() || done.error().code != compile::kDoesNotFit)
        return done;
    return commit_what_fits();
}

Result<> Agent::try_commit() {
    const auto begin = Clock::now();
    auto report = state_.dataplane->commit(
        derivation_.update(state_.source->cluster(), state_.source->take_changes(), *state_.links));
    dirty_ = false;
    if (!report) {
        state_.commit_error = report.error().message;
        if (state_.dataplane->broken())
            dirty_ = true;
        return fail_because(report.error(), "commit");
    }
    state_.commit_error.clear();
    if (derivation_.committed()) {
        state_.local = derivation_.local();
        state_.resolved = derivation_.resolved();
    }
    if (derivation_.out_of_reach_changed())
        state_.out_of_reach = derivation_.out_of_reach();
    note_not_admitted(*report);
    state_.last_commit = {std::chrono::system_clock::now(),
                          std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin), *report};
    ++state_.commits;
    if (state_.dataplane->collect_soon())
        begin_grace_period();
    spdlog::debug("committed in {} us: {} endpoints, {} addresses, {} prefixes, {} tables",
                  state_.last_commit.duration.count(), report->endpoints_changed, report->addresses_changed,
                  report->prefixes_changed, report->tables_written);
    return {};
}

Result<> Agent::reload(const compile::Capacity& capacity) {
    spdlog::warn("loading the datapath anew");
    reloading_ = true;
    auto done = reopen(capacity);
    if (done)
        done = first_commit();
    reloading_ = false;
    return done;
}

Result<> Agent::collect(bool waited) {
    const auto again = state_.dataplane->collect(waited);
    if (!again)
        return tl::unexpected(again.error());
    if (*again && state_.commit_error.empty())
        dirty_ = true;
    return {};
}

// Nobody waits for a grace period meanwhile: it takes longer than most changes.
void Agent::begin_grace_period() {
    if (collected_ == state_.commits || grace_->under_way())
        return;
    collected_ = state_.commits;
    grace_->begin();
}

Result<> Agent::end_grace_period() {
    // Where commits come faster than grace periods go by.
    constexpr int kPatience = 20;
    if (auto over = grace_->end(); !over) {
        collected_ = 0;  // the next second tries again
        return over;
    }
    // For what was retired in between another one is due.
    const bool waited = collected_ == state_.commits;
    if (!waited && ++interrupted_ < kPatience) {
        begin_grace_period();
        return {};
    }
    interrupted_ = 0;
    collected_ = state_.commits;
    return collect(waited);
}

nlohmann::json Agent::settle() {
    audit_ = true;
    if (auto done = reconcile(false); !done)
        return failure(done.error().message, 1);
    if (!state_.source_error.empty())
        return failure(state_.source_error, 1);
    return {{"ok", true}, {"refused", refused(state_)}};
}

nlohmann::json Agent::answer(const nlohmann::json& request) {
    if (request.value("command", "") == "settle")
        return settle();
    return report(state_, request);
}

Result<> Agent::run() {
    auto signals = stop_signals();
    auto timer = every_second();
    if (!signals || !timer)
        return tl::unexpected(!signals ? signals.error() : timer.error());
    UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll)
        return fail_errno(errno, "create an epoll descriptor");
    for (const int fd :
         {signals->get(), timer->get(), state_.source->fd(), state_.links->fd(), control_->fd(), grace_->fd()})
        if (auto done = watch(epoll.get(), fd); !done)
            return done;

    std::string last_error;
    for (;;) {
        std::array<epoll_event, 8> events{};
        const int count = epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), time_to_wait());
        if (count < 0 && errno != EINTR)
            return fail_errno(errno, "wait for events");
        for (int i = 0; i < count; ++i)
            audit_ |= events[static_cast<size_t>(i)].data.fd == state_.links->fd();
        if (auto done = reconcile(true); !done) {
            if (done.error().message != last_error)
                spdlog::error("{}", done.error().message);
            last_error = done.error().message;
            if (!state_.dataplane || state_.dataplane->broken())
                if (auto loaded = reload({}); !loaded)
                    return loaded;
        } else if (state_.commit_error.empty() && !std::exchange(last_error, "").empty()) {
            spdlog::info("in order again");
        }
        save_source();
        for (int i = 0; i < count; ++i) {
            const int fd = events[static_cast<size_t>(i)].data.fd;
            if (fd == signals->get()) {
                while (may_save() && state_.source->unsaved())
                    save_source();
                return {};
            }
            if (fd == control_->fd())
                control_->serve();
            if (fd == grace_->fd())
                if (auto done = end_grace_period(); !done)
                    spdlog::error("{}", done.error().message);
            uint64_t expirations = 0;
            if (fd != timer->get() || read(fd, &expirations, sizeof(expirations)) <= 0)
                continue;
            audit_ = true;
            audit_guard();
            dirty_ |= !state_.commit_error.empty() || derivation_.is_admission_due();
            begin_grace_period();
        }
    }
}

}  // namespace catflap::agent
