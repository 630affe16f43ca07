// SPDX-License-Identifier: Apache-2.0
// The node agent: keeps what the datapath enforces equal to what the source holds. Level-triggered: an event marks
// nothing but "look again", and one loop recomputes and commits the difference.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "control/control_server.h"
#include "engine/engine.h"
#include "agent/collection.h"
#include "agent/derivation.h"
#include "agent/fast_path.h"
#include "agent/fast_path_watch.h"
#include "agent/monitor.h"
#include "guard/guard.h"
#include "links/link_watcher.h"
#include "metrics/server.h"
#include "agent/options.h"
#include "agent/verify_state.h"
#include "netfilter/own_table.h"
#include "netfilter/ruleset_watch.h"
#include "report/answer.h"
#include "source/source.h"

namespace catflap::agent {

using control::ControlServer;
using engine::MendKind;
using guard::Guard;
using guard::GuardCount;

struct LastCommit {
    std::chrono::system_clock::time_point at;
    std::chrono::microseconds duration{};
    engine::CommitReport report;
};

// While no state of this agent is in force yet.
struct Starting {
    std::string error;  // of the last attempt
    uint64_t attempts = 0;
    std::chrono::system_clock::time_point next_attempt;
    bool open = false;  // --on-failure open: what nothing judges is not closed
};

// On the uplinks, as the engine was told of them last.
struct EarlyDropState {
    engine::EarlyDrop engine{"", "nothing is enforced yet"};
    std::map<uint32_t, std::string> uplinks;  // names by ifindex
    std::map<uint32_t, std::string> refused;  // of these
};

// Everything that a report may look at.
struct AgentState {
    Options options;
    std::chrono::system_clock::time_point started_at;
    // From then on source, links, engine and guard are there.
    bool enforcing = false;
    Starting starting;
    std::unique_ptr<source::Source> source;
    std::string source_error;  // "": synced
    std::optional<LinkWatcher> links;
    std::unique_ptr<engine::Engine> engine;
    std::optional<Guard> guard;
    std::string guard_error;  // why new interfaces are not closed until they are attached; "": they are
    std::optional<netfilter::OwnTable> tracking;  // keeps nf_conntrack at work, where the engine asks it
    std::string tracking_error;                   // why it may not be; "": it is, or nobody asks
    std::string pin_error;                        // why the next agent would not find what is enforced; "": it would
    FastPath fast_path;
    EarlyDropState early_drop;
    engine::Mends mends;
    VerifyState verify;
    LocalEndpoints local;
    resolve::Resolved resolved;
    mutable engine::ListingIndex index;  // of resolved; for reports
    // Pods that policies select and no agent can enforce; of the derivation.
    const resolve::OutOfReachPods* out_of_reach = nullptr;
    std::string commit_error;                          // the desired state was refused: "" or why
    std::map<std::string, std::string> attach_errors;  // by interface
    std::vector<compile::Refusal> not_admitted;        // what of the last commit's state does not fit
    uint64_t commits = 0;
    LastCommit last_commit;
    metrics::Durations durations;
    std::string metrics_error;  // why nobody can ask for metrics; "": they can, or shall not
};

// The options as they are now on the command line and in the configuration file.
using ReadOptions = std::function<Result<Options>()>;

class Agent : public report::Responder {
  public:
    // Makes sure that it is the only agent, and answers on the control socket. Nothing is changed yet. engines:
    // outlives the agent.
    static Result<std::unique_ptr<Agent>> open(const Options& options, ReadOptions read_options,
                                               engine::Engines& engines);

    // Until SIGTERM or SIGINT: closes interfaces that nothing judges, tries until a first state is in force, and keeps
    // what is enforced equal to the source. What is enforced stays enforced.
    Result<> run();
    // One round of it: does what there is to do, then waits for more, at most so long. False: it was told to stop.
    Result<bool> step(std::chrono::milliseconds limit);

    [[nodiscard]] const AgentState& state() const { return state_; }

    // report::Responder
    Result<report::Settled> settle(std::optional<uint64_t> question) override;
    [[nodiscard]] report::Status status() const override;
    [[nodiscard]] Result<> is_ready() const override;
    Result<> list(report::Page& page) const override;
    [[nodiscard]] Result<report::Explanation> explain(const report::Question& question) const override;
    Result<report::Verified> verify(std::optional<uint64_t> question, bool repair) override;
    Result<uint64_t> monitor(const report::MonitorQuestion& question) override;
    [[nodiscard]] std::string mode() const override { return to_string(state_.options.mode); }
    [[nodiscard]] uint64_t commits() const override { return state_.commits; }

  private:
    using Clock = std::chrono::steady_clock;
    Agent(const Options& options, ReadOptions read_options, engine::Engines& engines)
        : read_options_(std::move(read_options)),
          engines_(engines),
          derivation_(options.node, options.interface_prefixes, options.mode != Mode::iptables) {
        state_.options = options;
        state_.out_of_reach = &derivation_.out_of_reach();
    }

    // agent_loop.cpp
    struct Events;
    Result<> open_events();
    Result<> watch_sources();
    Result<> work(bool links_changed);
    Result<> handle(int fd);
    void every_second();
    void reload_options(const char* why, bool with_source);
    bool config_changed();
    [[nodiscard]] int time_to_wait() const;  // ms, as epoll_wait() takes it

    // agent_metrics.cpp
    void serve_metrics();
    void collect_metrics();
    // Everything that was seen up to the commit is in force.
    void note_enforced(bool urgent);

    // agent_presence.cpp
    // Others see how this agent is, where the source can tell them.
    void tell_presence();
    void log_lease();
    void log_events();

    // agent_start.cpp
    // One attempt. Fails only where no other may follow.
    Result<> try_to_start();
    Result<> start_up();
    Result<> lock_pins();
    Result<> open_links();
    Result<> open_source();
    void wait_for_source();
    Result<> open_engine();
    Result<> first_commit();
    void start_failed(const Error& error);
    void take_in_changes();

    // agent.cpp
    // Takes in all events so far and commits the difference. patient: what may wait does.
    Result<> reconcile(bool patient);
    [[nodiscard]] bool may_wait() const;
    Result<> refresh_links();
    void refresh_source(bool patient);
    [[nodiscard]] bool may_save() const { return !dirty_ && state_.commit_error.empty(); }
    void save_source();
    void log_diagnostics();

    // agent_commit.cpp
    Result<> commit();
    Result<> try_commit();
    void replace_broken_engine();
    // Fresh programs and maps beside the broken ones, as at a start.
    Result<> reload(const compile::Capacity& capacity);
    Result<> reclaim();
    Result<> reclaim_now();

    // agent_admission.cpp
    // The desired state does not fit: what of it does, in a larger datapath if need be.
    Result<> commit_what_fits();
    Result<> reopen(const compile::Capacity& capacity);
    void note_not_admitted(const engine::CommitReport& report);

    // agent_interfaces.cpp
    // Every interface gets its programs, whatever went wrong with another.
    void attach_missing();
    void tell_renamed();
    void attach_all();
    // Both programs; then the guard lets the interface's packets through.
    Result<> attach(const Link& link);
    Result<> close_renamed(const Link& link);
    void take_away_others();
    void note_attach_error(uint32_t ifindex, const std::string& interface, const Error& error);
    [[nodiscard]] std::vector<uint32_t> interfaces() const;

    // agent_guard.cpp
    void close_first();
    bool chains_close();
    void close_unjudged();
    void open_unjudged();
    void set_groups_by_programs();

    // agent_fast_path.cpp
    void renew_fast_path();
    FastPath survey_fast_path();
    std::string rules_in_the_way();
    Result<> look_at_hooks(const std::set<uint32_t>& interfaces, const std::set<uint32_t>& uplinks);
    void make_conntrack_liberal();

    // agent_early_drop.cpp
    void renew_early_drop();

    // agent_audit.cpp
    void watch_rules();
    void keep_conntrack();
    void audit_rules();
    void hear_of_rules();
    void audit_tables();
    void audit_guard();
    void audit_tracking();
    void audit_pins();
    void take_mends();
    void mended(MendKind kind, const std::string& what);

    // agent_verify.cpp
    void verify_slice();
    void begin_pass(bool asked);
    void end_pass();
    void verify_own(report::Verification& found);
    void note_others(report::Verification& found);
    void note_differences(const report::Verification& found, bool mends);

    AgentState state_;
    ReadOptions read_options_;
    engine::Engines& engines_;
    UniqueFd node_lock_;  // of this network namespace
    UniqueFd pin_lock_;   // of PIN_DIR: an agent of another namespace must not share it
    std::optional<ControlServer> control_;
    std::shared_ptr<Events> events_;
    std::string last_error_;  // of reconcile(), so that it is told once
    std::string save_error_;
    std::set<std::string> logged_refusals_;
    std::set<std::string> logged_warnings_;
    Derivation derivation_;  // state_ has what of it was committed
    // Pods that only change their labels or their number may wait, so that a large cluster's coming and going costs a
    // small share of a CPU: until then.
    std::chrono::steady_clock::time_point rest_until_{};
    std::chrono::steady_clock::time_point save_at_{};  // not before
    bool dirty_ = true;
    std::optional<Clock::time_point> seen_at_;  // the first change that is not in force yet
    Monitor monitor_;
    std::shared_ptr<metrics::Exchange> exchange_;
    std::unique_ptr<metrics::Server> metrics_;
    std::string metrics_at_;                // where it listens
    std::optional<Collection> collection_;  // while a scrape waits for it
    Clock::time_point serve_again_at_{};
    Clock::time_point tell_presence_at_{};
    bool has_lease_ = false;
    bool told_no_lease_ = false;
    bool told_no_events_ = false;
    // The start.
    bool chains_close_ = false;  // of an iptables mode that is in force, as it was last looked
    std::chrono::steady_clock::time_point chains_audit_at_{};
    bool costly_ = false;  // the last attempt failed where trying is not cheap
    std::chrono::steady_clock::time_point tried_at_{};
    std::chrono::steady_clock::time_point retry_at_{};
    std::chrono::steady_clock::time_point told_at_{};
    std::set<uint32_t> judged_;   // interfaces to which attaching succeeded
    std::set<uint32_t> renamed_;  // interfaces that were told to be
    // What an agent of another mode left.
    bool others_gone_ = false;
    std::string others_error_;
    std::chrono::steady_clock::time_point others_retry_at_{};
    std::optional<netfilter::RulesetWatch> rules_;  // of netfilter; none: they are looked at now and then
    std::string watch_error_;
    bool tables_changed_ = false;  // perhaps ours
    std::chrono::steady_clock::time_point tables_audit_at_{};
    std::chrono::steady_clock::time_point tables_heard_at_{};
    FastPathWatch fast_path_watch_;
    std::string told_early_drop_;
    VerifyQueue verify_;
    bool reloading_ = false;
    bool audit_ = false;  // look whether what is attached still is
};

}  // namespace catflap::agent
