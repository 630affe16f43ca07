// SPDX-License-Identifier: Apache-2.0
// The node agent: keeps what the datapath enforces equal to what the source holds. Level-triggered: an event marks
// nothing but "look again", and one loop recomputes and commits the difference.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "control/control_server.h"
#include "agent/dataplane.h"
#include "agent/derivation.h"
#include "agent/listing_index.h"
#include "guard/guard.h"
#include "links/link_watcher.h"
#include "agent/options.h"
#include "compile/commit/committer.h"
#include "kernel/datapath/grace_period.h"
#include "source/directory/directory.h"

namespace catflap::agent {

using control::ControlServer;
using guard::Guard;
using guard::GuardCount;

struct LastCommit {
    std::chrono::system_clock::time_point at;
    std::chrono::microseconds duration{};
    compile::CommitReport report;
};

// Everything that a report may look at.
struct AgentState {
    Options options;
    std::chrono::system_clock::time_point started_at;
    std::optional<source::Directory> source;
    std::string source_error;  // "": synced
    std::optional<LinkWatcher> links;
    std::unique_ptr<Dataplane> dataplane;
    std::optional<Guard> guard;
    std::string guard_error;  // why new interfaces are not closed until they are attached; "": they are
    LocalEndpoints local;
    resolve::Resolved resolved;
    mutable ListingIndex index;                        // of resolved; for reports
    resolve::OutOfReachList out_of_reach;              // pods that policies select and no agent can enforce
    std::string commit_error;                          // the desired state was refused: "" or why
    std::map<std::string, std::string> attach_errors;  // by interface
    std::vector<compile::Refusal> not_admitted;        // what of the last commit's state does not fit
    uint64_t commits = 0;
    LastCommit last_commit;
};

class Agent {
  public:
    // Opens everything, commits the first state, attaches, adopts what an earlier agent left.
    static Result<std::unique_ptr<Agent>> start(const Options& options);

    // Until SIGTERM or SIGINT. What is enforced stays enforced.
    Result<> run();

    [[nodiscard]] const AgentState& state() const { return state_; }

  private:
    explicit Agent(const Options& options) : derivation_(options.node) { state_.options = options; }

    Result<> first_commit();
    // Takes in all events so far and commits the difference. patient: what may wait does.
    Result<> reconcile(bool patient);
    [[nodiscard]] bool may_wait() const;
    // ms, as epoll_wait() takes it.
    [[nodiscard]] int time_to_wait() const;
    Result<> refresh_links();
    void refresh_source(bool patient);
    [[nodiscard]] bool may_save() const { return !dirty_ && state_.commit_error.empty(); }
    void save_source();
    void log_diagnostics();
    // Every interface gets its programs, whatever went wrong with another.
    void attach_missing();
    Result<> commit();
    // Fresh programs and maps beside the broken ones, as at a start.
    Result<> reload(const compile::Capacity& capacity);
    void attach_all();
    // Both programs; then the guard lets the interface's packets through.
    Result<> attach(const Link& link);
    void close_unjudged();
    void audit_guard();
    void take_away_others();
    void note_attach_error(uint32_t ifindex, const std::string& interface, const Error& error);
    [[nodiscard]] std::vector<uint32_t> interfaces() const;
    Result<> try_commit();
    // The desired state does not fit: what of it does, in a larger datapath if need be.
    Result<> commit_what_fits();
    Result<> reopen(const compile::Capacity& capacity);
    void note_not_admitted(const compile::CommitReport& report);
    Result<> collect(bool waited);
    void begin_grace_period();
    Result<> end_grace_period();
    nlohmann::json answer(const nlohmann::json& request);
    nlohmann::json settle();

    AgentState state_;
    std::optional<ControlServer> control_;
    std::string save_error_;
    std::set<std::string> logged_refusals_;
    std::set<std::string> logged_warnings_;
    Derivation derivation_;  // state_ has what of it was committed
    // Pods that only change their labels or their number may wait, so that a large cluster's coming and going costs a
    // small share of a CPU: until then.
    std::chrono::steady_clock::time_point rest_until_{};
    bool dirty_ = true;
    // What commits retire is given back after a grace period: the commits of which that is done, or under way.
    std::optional<kernel::GracePeriod> grace_;
    uint64_t collected_ = 0;
    int interrupted_ = 0;  // grace periods in which something was committed, one after the other
    // What an agent of another mode left.
    bool others_gone_ = false;
    std::string others_error_;
    std::chrono::steady_clock::time_point others_retry_at_{};
    std::chrono::steady_clock::time_point guard_audit_at_{};
    bool reloading_ = false;
    bool audit_ = false;  // look whether what is attached still is
};

}  // namespace catflap::agent
