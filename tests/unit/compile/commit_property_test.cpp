// SPDX-License-Identifier: Apache-2.0
// Random clusters and updates: between any two stores of a commit every packet is judged by the old state or by the
// new. Where several objects change at once, each of them counts: a packet sees every object as it was or as it is to
// be.
#include <doctest/doctest.h>

#include <algorithm>
#include <span>

#include "resolve/cluster_rules.h"
#include "support/random/generator.h"
#include "support/executors/tables_executor.h"

using namespace catflap;
using namespace catflap::test;

namespace {

// The sanitizers make a story ten times as long, and look for something else in it.
#ifdef CATFLAP_SANITIZED
constexpr uint64_t kSeeds = 40;
#else
constexpr uint64_t kSeeds = 250;
#endif
constexpr size_t kUpdates = 6;
constexpr size_t kProbes = 60;

bool is_endpoint(const Cluster& cluster, const ObjectName& name) {
    const auto pod = cluster.pods.find(name);
    return pod != cluster.pods.end() && pod->second.node == kLocalNode && is_policed(pod->second);
}

// Nothing: such a packet never crosses a veth.
std::optional<bool> allowed_in(const Cluster& cluster, const oracle::Hop& hop) {
    if (!is_endpoint(cluster, hop.pod))
        return false;
    return crosses_a_veth(cluster, hop) ? std::optional(oracle::judge(cluster, hop).allowed) : std::nullopt;
}

struct Probe {
    oracle::Hop hop;
    uint32_t ifindex = 0;  // in the old state; 0: not there yet
    bool before = false;
    bool after = false;
    std::set<bool> possible;  // by the old and the new objects
    std::set<bool> lately;    // in every state since the last grace period
    bool switched = false;
};

// As if each selected every pod: by the namespaces of another state they might select others.
std::map<PolicyName, ClusterPolicy> policies_selecting(const Cluster& cluster, const Pod& pod) {
    std::map<PolicyName, ClusterPolicy> selecting;
    for (const auto& [name, policy] : cluster.cluster_policies)
        if (resolve::selects(policy, namespace_labels(cluster, pod.name.ns), pod))
            selecting.emplace(name, policy).first->second.subject = {};
    return selecting;
}

// What the packet is judged like by any mixture of these states: policies and the pod itself from one, namespaces from
// another, its peer from a third.
std::set<bool> verdicts_by_mixtures(std::span<const Cluster> states, const oracle::Hop& hop) {
    std::set<bool> verdicts;
    for (const Cluster& policies : states)
        for (const Cluster& namespaces : states)
            for (const Cluster& peers : states) {
                if (!is_endpoint(policies, hop.pod)) {
                    verdicts.insert(false);
                    continue;
                }
                Cluster mixture = peers;
                mixture.policies = policies.policies;
                mixture.nodes = policies.nodes;
                mixture.cluster_policies = policies_selecting(policies, policies.pods.at(hop.pod));
                mixture.namespaces = namespaces.namespaces;
                mixture.pods[hop.pod] = policies.pods.at(hop.pod);
                verdicts.insert(oracle::judge(mixture, hop).allowed);
                if (verdicts.size() == 2)
                    return verdicts;
            }
    return verdicts;
}

bool allows(const std::optional<Verdict>& verdict) {
    return verdict && verdict->kind == Verdict::Kind::allow;
}

// One cluster, the updates that it goes through, and a look at every packet after every store of each commit.
class Story {
  public:
    // single: one object changes in an update.
    Story(uint64_t seed, bool single) : generator_(seed), random_(seed), seed_(seed), single_(single) {
        states_.push_back(generator_.cluster());
    }

    // Returns how many commits went on from the one before.
    size_t run() {
        REQUIRE(node_.load(states_.back()));
        for (update_ = 1; update_ <= kUpdates && failure_.empty(); ++update_)
            step();
        CHECK_MESSAGE(failure_.empty(), "seed ", seed_, ", update ", update_ - 1, ": ", failure_);
        return went_on_;
    }

  private:
    void step() {
        if (random_.chance(50)) {
            REQUIRE(node_.collect());
            states_.erase(states_.begin(), states_.end() - 1);
        }
        states_.push_back(states_.back());
        // Now and then nothing changes: what the commit before left behind is tidied away.
        const size_t most = single_ ? 1 : random_.between(2, 5);
        for (size_t changes = random_.chance(15) ? 0 : most; changes > 0; --changes)
            generator_.mutate(states_.back());
        only_policies_ = states_.back().pods == old_state().pods && states_.back().namespaces == old_state().namespaces;
        draw_probes();
        note_generations(generations_);
        node_.store().after_store = [&](const StoreEvent& event) { look(event); };
        const auto loaded = node_.load(states_.back());
        node_.store().after_store = nullptr;
        if (!loaded)
            return note(loaded.error().message);
        went_on_ += !node_.report().anew;
        check_end();
    }

    const Cluster& old_state() const { return states_[states_.size() - 2]; }

    void draw_probes() {
        probes_.clear();
        for (size_t i = 0; i < kProbes; ++i) {
            Probe probe;
            probe.hop = generator_.probe(i % 2 ? states_.back() : old_state());
            bool carried = true;
            for (const Cluster& state : states_) {
                const auto allowed = allowed_in(state, probe.hop);
                carried = carried && allowed;
                probe.before = std::exchange(probe.after, allowed.value_or(false));
                probe.lately.insert(probe.after);
            }
            probe.possible = {probe.before, probe.after};
            if (!single_)
                probe.possible = verdicts_by_mixtures(std::span(states_).last(2), probe.hop);
            probe.ifindex = node_.ifindex(probe.hop.pod);
            if (carried)
                probes_.push_back(probe);
        }
    }

    uint32_t ifindex_of(const Probe& probe) const {
        return probe.ifindex ? probe.ifindex : node_.ifindex(probe.hop.pod);
    }

    void look(const StoreEvent& event) {
        if (!failure_.empty())
            return;
        for (Probe& probe : probes_)
            if (event.concerns(probe.hop.remote, probe.hop.protocol, probe.hop.destination_port))
                look(event, probe);
        if (single_ && only_policies_)
            look_at_endpoints(event);
    }

    void look(const StoreEvent& event, Probe& probe) {
        const auto direction = resolve_direction(probe.hop.direction);
        const auto& store = node_.store();
        const auto verdict =
            store.judge(ifindex_of(probe), direction, probe.hop.remote, probe.hop.protocol, probe.hop.destination_port);
        const bool allowed = allows(verdict);
        if (verdict && verdict->kind == Verdict::Kind::contradiction)
            note(event, probe, "a contradiction");
        if (!probe.possible.contains(allowed))
            note(event, probe, "a third verdict");
        if (single_ && probe.switched && allowed != probe.after)
            note(event, probe, "back to the old verdict");
        probe.switched = probe.before != probe.after && allowed == probe.after;
        for (const uint32_t config : store.configs_in_flight(ifindex_of(probe))) {
            const auto late =
                store.judge_by(config, direction, probe.hop.remote, probe.hop.protocol, probe.hop.destination_port);
            if (late.kind == Verdict::Kind::contradiction || !could_be_lately(probe, allows(late)))
                note(event, probe, fmt::format("a third verdict for a packet under way by config {}", config));
        }
    }

    // By the objects of any states since the last grace period. Mixtures cost much, and are seldom asked for.
    bool could_be_lately(Probe& probe, bool allowed) {
        if (!probe.lately.contains(allowed))
            probe.lately.merge(verdicts_by_mixtures(states_, probe.hop));
        return probe.lately.contains(allowed);
    }

    // An edited policy switches all packets of an endpoint at once.
    void look_at_endpoints(const StoreEvent& event) {
        std::map<uint32_t, bool> switched;
        for (const Probe& probe : probes_)
            if (probe.before != probe.after &&
                switched.try_emplace(ifindex_of(probe), probe.switched).first->second != probe.switched)
                note(event, probe, "half of an update");
    }

    void check_end() {
        for (const Probe& probe : probes_) {
            const auto verdict = node_.judge(probe.hop);
            if (allows(verdict) != probe.after)
                note({"the commit", {}, {}}, probe, "not the new verdict");
            if (is_endpoint(states_.back(), probe.hop.pod))
                check_decision(probe, verdict.value_or(Verdict{}));
        }
        if (!node_.store().violations().empty())
            note(node_.store().violations().front());
        check_generations();
    }

    // The decision that counts the packet is one which the oracle gives too.
    void check_decision(const Probe& probe, const Verdict& verdict) {
        const auto witness = oracle::judge(states_.back(), probe.hop);
        const auto named = node_.store().decisions().find(verdict.decision);
        bool right = verdict.decision == CATFLAP_RULE_NONE ? witness.isolated_by.empty() && !witness.decided_by
                                                           : named != node_.store().decisions().end();
        if (right && verdict.decision != CATFLAP_RULE_NONE) {
            const compile::DecisionKey& key = named->second;
            const oracle::Admission admission{key.policies.front(), probe.hop.direction, key.rule_index};
            right = key.is_default ? !witness.allowed && std::ranges::is_permutation(key.policies, witness.isolated_by)
                    : key.policies.front().kind != PolicyKind::network_policy
                        ? witness.decided_by == admission && key.drops() == !witness.allowed
                        : std::ranges::find(witness.admitted_by, admission) != witness.admitted_by.end();
        }
        if (!right)
            note({"the commit", {}, {}}, probe, "counted by another decision: " + to_string(verdict));
    }

    using Generations = std::map<uint32_t, std::pair<uint32_t, uint32_t>>;  // ifindex -> slot, generation

    void note_generations(Generations& generations) {
        generations.clear();
        for (const auto& [ifindex, endpoint] : node_.committer().loaded().endpoints)
            if (endpoint.config != 0)
                generations[ifindex] = {endpoint.slot, endpoint.generation};
    }

    void check_generations() {
        Generations now;
        note_generations(now);
        for (const Probe& probe : probes_)
            if (probe.before != probe.after && probe.ifindex && now.contains(probe.ifindex) &&
                now[probe.ifindex] == generations_[probe.ifindex])
                note({"the commit", {}, {}}, probe, "another verdict in the same generation");
        for (const auto& [ifindex, slot_generation] : now) {
            const auto& [slot, generation] = slot_generation;
            const bool changed = !generations_.contains(ifindex) || generations_[ifindex] != slot_generation;
            if (changed && std::exchange(newest_[slot], generation) >= generation)
                note(fmt::format("generation {} of slot {} is used again", generation, slot));
        }
    }

    void note(const StoreEvent& event, const Probe& probe, const std::string& what) {
        note(fmt::format("{}: {} after {} (was {}, becomes {})", to_string(probe.hop), what, event.what, probe.before,
                         probe.after));
    }
    void note(const std::string& failure) {
        if (failure_.empty())
            failure_ = failure;
    }

    Generator generator_;
    Random random_;
    uint64_t seed_;
    bool single_;
    bool only_policies_ = false;
    size_t update_ = 0;
    size_t went_on_ = 0;
    std::vector<Cluster> states_;  // since the last grace period
    SimulatedNode node_;
    std::vector<Probe> probes_;
    Generations generations_;
    std::map<uint32_t, uint32_t> newest_;  // generation by slot
    std::string failure_;
};

}  // namespace

TEST_CASE("one change: every packet is judged by the old state, then by the new one") {
    size_t went_on = 0;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed)
        went_on += Story(seed, true).run();
    // The way that nearly all changes take is among what was tested.
    CHECK(went_on > kSeeds * kUpdates / 4);
}

// Each packet is compared with every state between two grace periods: a dozen times the work of the case above.
TEST_CASE("several changes at once: the same") {
    constexpr uint64_t kFewer = kSeeds / 2;
    size_t went_on = 0;
    for (uint64_t seed = 1; seed <= kFewer; ++seed)
        went_on += Story(seed, false).run();
    CHECK(went_on > kFewer * kUpdates / 8);
}
