// SPDX-License-Identifier: Apache-2.0
// Takes the datapath from what is loaded to what is desired, so that every packet is judged by the old state or by the
// new one: populate what nothing reaches yet, move classes without a change of verdict, publish each endpoint by one
// store, retire.
#pragma once

#include <set>
#include <vector>

#include "compile/plan/endpoints.h"
#include "compile/plan/loaded.h"
#include "compile/commit/store.h"

namespace catflap::compile {

struct CommitReport {
    size_t endpoints_changed = 0;
    size_t addresses_changed = 0;
    size_t prefixes_changed = 0;
    size_t tables_written = 0;
    std::vector<MixedService> mixed_services;
    bool anew = false;                        // the classes were made out of the whole cluster, and not of the changes
    std::vector<EndpointSpec> without_place;  // no room in the map of interfaces near their index: they stay closed
};

class Committer {
  public:
    explicit Committer(Store& store, const Limits& limits = {}) : store_(store), loaded_(limits) {}

    // True: the last commit left classes behind that only retired tables tell apart. Commit again after collect().
    [[nodiscard]] bool leftovers() const { return leftovers_; }

    // What a commit was told of changes counts until one succeeds.
    // A desired state that does not fit fails with kDoesNotFit, nothing written. Any other failure is the store's: then
    // broken() is true, what is published stays enforced, and a new Committer must load everything into a new store.
    Result<CommitReport> commit(const Desired& desired);
    [[nodiscard]] bool broken() const { return broken_; }

    // An interface is about to be judged. Where another one had its index at the last commit, that one's state is taken
    // away: until the next commit everything on it is dropped.
    Result<> withdraw_if_another(uint32_t ifindex, const std::string& interface);

    // What the store holds of a table, or of endpoints' configs, was found damaged: it is loaded anew under other
    // numbers, and published with new generations. Returns the ifindexes of the endpoints that have the table. A
    // failure of the store breaks the committer, as a commit's does.
    Result<std::set<uint32_t>> renew(const TablePointer& table);
    Result<> renew(const std::set<uint32_t>& ifindexes);
    // Where everything on the interface is dropped until the next commit.
    [[nodiscard]] bool is_withdrawn(uint32_t ifindex) const { return withdrawn_.contains(ifindex); }

    // So much is retired that the commit after the next few would wait for its grace period.
    [[nodiscard]] bool collect_soon() const { return loaded_.pools.is_short(2 * kOfSoMany); }
    // Waits until no packet reads what earlier commits retired, and gives back its numbers. Returns the decisions that
    // nothing refers to any more: their counts are final; save them, then release().
    Result<std::vector<std::pair<uint32_t, DecisionKey>>> collect();
    // Has another value after everything that may have retired something: a commit, or renew().
    [[nodiscard]] uint64_t retirements() const { return retirements_; }
    // The same for who has waited: the grace period must have begun when retirements() had its present value.
    std::vector<std::pair<uint32_t, DecisionKey>> after_grace_period();
    void release(const DecisionKey& decision) { loaded_.decisions.release(decision); }

    // Before the first commit: what an earlier agent left.
    void adopt_decision(uint32_t number, const DecisionKey& key) { loaded_.decisions.adopt(number, key); }
    void adopt_generation(uint32_t slot, uint32_t generation) { loaded_.last_generation[slot] = generation; }
    void adopt_slot(uint32_t ifindex, const AdoptedSlot& adopted);

    [[nodiscard]] const Loaded& loaded() const { return loaded_; }

  private:
    static constexpr uint32_t kOfSoMany = 4;

    // desired.changes: since the last commit that succeeded.
    Result<CommitReport> commit_pending(const Desired& desired);
    Result<Plan> plan_with_room(const Desired& desired);
    Result<> execute(const Plan& plan, const EndpointPlan& endpoints);
    Result<> populate(const Plan& plan, const EndpointPlan& endpoints);
    Result<> extend(Plan& plan);
    Result<> move(const Plan& plan);
    Result<> publish(const EndpointPlan& endpoints);
    Result<> write_table(const Table& table);
    void remember(Plan&& plan, const EndpointPlan& endpoints);
    void remember_basis(const Basis& basis);
    void retire_numbers(const Plan& plan, const EndpointPlan& endpoints);
    void retire_classes(const Basis& basis);
    void retire_table(const TablePointer& table);
    Result<TablePointer> copy_of(const TablePointer& table);
    Result<> publish_anew(const std::vector<uint32_t>& ifindexes);
    std::vector<EndpointSpec> leave_out(EndpointPlan& endpoints, Pools& pools) const;

    Store& store_;
    Loaded loaded_;
    Changes pending_;
    bool same_endpoints_ = true;
    uint64_t retirements_ = 0;
    bool broken_ = false;
    bool leftovers_ = false;
    std::vector<EndpointSpec> without_place_;
    std::set<uint32_t> withdrawn_;  // by withdraw_if_another(), since the last commit that published
};

}  // namespace catflap::compile
