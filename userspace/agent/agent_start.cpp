// SPDX-License-Identifier: Apache-2.0
// The way to the first state that is in force. Interfaces that nothing judges are closed before anything that can fail;
// then each step is tried until it succeeds. What an earlier agent left goes on judging meanwhile.
#include <fmt/ranges.h>
#include <malloc.h>
#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <set>

#include "agent/agent.h"
#include "control/node_lock.h"
#include "control/readiness.h"
#include "kernel/datapath/datapath.h"
#include "kernel/datapath/libbpf_log.h"
#include "kernel/datapath/pin_directory.h"
#include "agent/sources.h"

namespace catflap::agent {
namespace {

using Clock = std::chrono::steady_clock;

// To look whether a source is there costs next to nothing, to load the datapath a second of a CPU.
constexpr std::chrono::milliseconds kCheapRetry{1000};
constexpr std::chrono::milliseconds kLongestRetry{30000};
constexpr std::chrono::milliseconds kAnswersAtOnce{2000};
// A start that goes on failing is told so often, and where interfaces are open meanwhile.
constexpr auto kTellAgain = std::chrono::minutes(1);

// Twice as long each time, and somewhere around it: a thousand nodes do not retry in step.
Clock::duration costly_retry(uint64_t attempts) {
    static std::minstd_rand random(std::random_device{}());
    const std::chrono::milliseconds doubled = kCheapRetry * (1LL << std::min<uint64_t>(attempts, 5));
    const auto share = std::uniform_real_distribution<>(0.75, 1.25)(random);
    return std::chrono::duration_cast<Clock::duration>(std::min(doubled, kLongestRetry) * share);
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
        state.links->links().size(), state.source->describe(), node,
        nodes.empty() ? "it has no Pods at all" : fmt::format("its Pods are on {}, ...", fmt::join(nodes, ", ")));
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::open(const Options& options, ReadOptions read_options, engine::Engines& engines) {
    std::unique_ptr<Agent> agent(new Agent(options, std::move(read_options), engines));
    kernel::keep_libbpf_log();
    agent->state_.started_at = std::chrono::system_clock::now();
    auto control = ControlServer::open(
        options.run_dir, [self = agent.get()](const auto& request) { return report::answer(*self, request); });
    if (!control)
        return tl::unexpected(control.error());
    agent->control_ = std::move(*control);
    auto lock = control::lock_network_namespace();
    if (!lock)
        return tl::unexpected(lock.error());
    agent->node_lock_ = std::move(*lock);
    return agent;
}

Result<> Agent::try_to_start() {
    tried_at_ = Clock::now();
    ++state_.starting.attempts;
    costly_ = false;
    const auto done = start_up();
    if (!done) {
        if (done.error().code == EADDRINUSE)
            return done;  // another agent's directory
        start_failed(done.error());
        return {};
    }
    state_.enforcing = true;
    state_.starting.open = false;
    state_.starting.error.clear();
    tell_presence_at_ = {};
    audit_ = true;
    renew_fast_path();
    renew_early_drop();
    malloc_trim(0);  // reading the whole source leaves as much behind as it keeps
    if (state_.links->links().empty())
        spdlog::warn(
            "there is no {} interface in this network namespace: nothing is enforced until one appears; is "
            "this the network namespace of the node?",
            state_.options.interface_prefixes.text());
    spdlog::info("enforcing for {} pods on {} interfaces of node {} by {}", state_.local.pods.size(),
                 state_.links->links().size(), state_.options.node, state_.engine->attached_by());
    if (const auto told = control::notify("READY=1\nSTATUS=enforcing"); !told)
        spdlog::warn("{}", told.error().message);
    return {};
}

Result<> Agent::start_up() {
    const auto locked = lock_pins();
    if (!locked && locked.error().code == EADDRINUSE)
        return locked;
    if (auto done = open_links(); !done)
        return done;
    close_first();
    if (!locked)
        return locked;
    if (auto done = open_source(); !done)
        return done;
    if (auto done = check_that_pods_are_known(state_); !done)
        return done;
    costly_ = true;
    if (auto done = open_engine(); !done)
        return done;
    auto done = first_commit();
    if (!done && (!state_.engine || state_.engine->broken())) {
        verify_.forget_pass();
        state_.engine.reset();
        derivation_.forget_commit();
    }
    return done;
}

// An agent of another network namespace must not share the directory. Iptables mode needs none.
Result<> Agent::lock_pins() {
    if (state_.options.mode == Mode::iptables || pin_lock_)
        return {};
    auto lock = kernel::lock_pin_directory(state_.options.pin_dir);
    if (!lock)
        return tl::unexpected(lock.error());
    pin_lock_ = std::move(*lock);
    return {};
}

// Which interfaces are there, and are judged already, has to be known before any is closed. Nothing of it can fail for
// a reason that lies in the input.
Result<> Agent::open_links() {
    if (!state_.guard) {
        auto guard = Guard::open(state_.options.pin_dir, state_.options.interface_prefixes);
        if (!guard)
            return tl::unexpected(guard.error());
        state_.guard = std::move(*guard);
    }
    if (!state_.links) {
        auto links = LinkWatcher::open(
            {.prefixes = state_.options.interface_prefixes, .groups = {Guard::kJudged, Guard::kClosed}});
        if (!links)
            return tl::unexpected(links.error());
        state_.links = std::move(*links);
        return {};
    }
    const auto changed = state_.links->refresh();
    if (!changed)
        return tl::unexpected(changed.error());
    if (*changed)
        derivation_.links_changed();
    return {};
}

Result<> Agent::open_source() {
    if (!state_.source) {
        auto opened = agent::open_source(state_.options);
        if (!opened)
            return tl::unexpected(opened.error());
        state_.source = std::move(*opened);
        if (const std::string& lost = state_.source->cache_status()->lost; !lost.empty())
            spdlog::error("{}", lost);
        log_diagnostics();
        wait_for_source();
    }
    refresh_source(false);  // what it held last, or the cache held, stays
    return state_.source->is_complete();
}

// A server that answers at once spares the log the word that nothing is enforced yet. Nothing else is to be done
// meanwhile: what nothing judges is closed already.
void Agent::wait_for_source() {
    for (const auto until = Clock::now() + kAnswersAtOnce; !state_.source->is_complete() && Clock::now() < until;) {
        pollfd source{state_.source->fd(), POLLIN, 0};
        (void)poll(&source, 1, static_cast<int>(kAnswersAtOnce.count()) / 20);
        refresh_source(false);
    }
}

Result<> Agent::open_engine() {
    if (!state_.engine) {
        auto opened = engines_.open(state_.options, {});
        if (!opened)
            return tl::unexpected(opened.error());
        state_.engine = std::move(*opened);
    }
    return {};
}

// What an earlier agent left goes on judging, whatever its mode, until the new state is complete; connections that
// began before any agent are taken over before the first packet could be cut.
Result<> Agent::first_commit() {
    if (auto done = commit(); !done)
        return done;
    keep_conntrack();
    const auto adopted = state_.engine->adopt_connections();
    if (!adopted)
        spdlog::warn("{}; connections that exist will be judged as new ones", adopted.error().message);
    else if (*adopted)
        spdlog::info("adopted {} connections of nf_conntrack", **adopted);
    attach_all();
    close_unjudged();
    if (auto done = state_.engine->take_over(); !done) {
        state_.engine->set_uplinks({});  // until the next try they would drop by the tables of the engine before
        return done;
    }
    take_away_others();
    return {};
}

void Agent::start_failed(const Error& error) {
    const auto now = Clock::now();
    const auto rest = costly_ ? costly_retry(state_.starting.attempts) : Clock::duration(kCheapRetry);
    retry_at_ = now + rest;
    state_.starting.next_attempt =
        std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::system_clock::duration>(rest);
    if (state_.options.on_failure == OnFailure::open)
        open_unjudged();
    const bool news = std::exchange(state_.starting.error, error.message) != error.message;
    if (!news && now - told_at_ < kTellAgain)
        return;
    told_at_ = now;
    const char* meanwhile = state_.starting.open ? "NOTHING closes interfaces without programs (--on-failure open)"
                            : state_.guard && state_.guard->closed() ? "interfaces that nothing judges are closed"
                                                                     : "what an earlier agent left goes on";
    spdlog::error("not enforcing yet: {}; {}, and catflapd goes on trying", error.message, meanwhile);
    (void)control::notify(fmt::format("STATUS=not enforcing yet: {}", error.message));
}

// What changes may have been the reason.
void Agent::take_in_changes() {
    if (state_.links)
        if (const auto changed = state_.links->refresh(); changed && *changed)
            derivation_.links_changed();
    if (state_.source)
        refresh_source(false);
    retry_at_ = std::min(retry_at_, costly_ ? tried_at_ + kCheapRetry : Clock::now());
}

}  // namespace catflap::agent
