// SPDX-License-Identifier: Apache-2.0
#include "explain/judge.h"

#include <fmt/format.h>

#include <limits>

#include "explain/cluster_policies.h"
#include "explain/peers.h"

namespace catflap::explain {
namespace {

using report::EndVerdict;
using report::Ground;

// Less than any obstacle at the peer but an `except`: who asks has the right peer, and the wrong port.
constexpr unsigned kWrongPort = 1;

// How a rule does with a hop, for the pod at the remote address for which it does best.
struct Fit {
    unsigned distance = std::numeric_limits<unsigned>::max();  // 0: it admits
    unsigned of_peer = 0;
    size_t peer = 0;  // the nearest, if none matches
    const Pod* remote = nullptr;
};

class Judge {
  public:
    Judge(const Cluster& cluster, const Policy& policy, const Hop& hop)
        : cluster_(cluster), policy_(policy), hop_(hop) {}

    [[nodiscard]] const std::vector<PolicyRule>& rules() const {
        return hop_.direction == Direction::ingress ? policy_.ingress : policy_.egress;
    }

    [[nodiscard]] Fit fit(const PolicyRule& rule) const {
        Fit best;
        if (hop_.remotes.empty())
            improve(best, rule, nullptr);
        for (const Pod* remote : hop_.remotes)
            improve(best, rule, remote);
        return best;
    }

    [[nodiscard]] std::string obstacle(const PolicyRule& rule, const Fit& fit) const {
        const bool right_port = ports_match(rule, hop_, fit.remote);
        const std::string ports = fmt::format("it admits {}, not {}", ports_in_words(rule, hop_, fit.remote),
                                              port_in_words(hop_.protocol, hop_.port));
        if (fit.of_peer == 0)
            return "right peer, but " + ports;
        const std::string peer =
            fmt::format("{}[{}]: {}", hop_.direction == Direction::ingress ? "from" : "to", fit.peer,
                        peer_obstacle(cluster_, policy_, rule.peers[fit.peer], hop_, fit.remote));
        return right_port ? fmt::format("right port, but {}", peer)
                          : fmt::format("wrong port ({}) and wrong peer: {}", ports, peer);
    }

  private:
    void improve(Fit& best, const PolicyRule& rule, const Pod* remote) const {
        Fit fit{0, rule.peers.empty() ? 0 : std::numeric_limits<unsigned>::max(), 0, remote};
        for (size_t i = 0; i < rule.peers.size() && fit.of_peer != 0; ++i) {
            const unsigned distance = peer_distance(cluster_, policy_, rule.peers[i], hop_, remote);
            if (distance < fit.of_peer) {
                fit.of_peer = distance;
                fit.peer = i;
            }
        }
        fit.distance = fit.of_peer + (ports_match(rule, hop_, remote) ? 0 : kWrongPort);
        if (fit.distance < best.distance)
            best = fit;
    }

    const Cluster& cluster_;
    const Policy& policy_;
    const Hop& hop_;
};

// The policy isolates: which of its rules admit, or which one comes nearest to it.
void judge_by(const Cluster& cluster, const Policy& policy, const Hop& hop, EndVerdict& verdict) {
    const Judge judge(cluster, policy, hop);
    const std::string name = to_string(policy.name);
    const auto& rules = judge.rules();
    Fit nearest;
    size_t index = 0;
    bool admits = false;
    for (size_t i = 0; i < rules.size(); ++i) {
        const Fit fit = judge.fit(rules[i]);
        if (fit.distance == 0) {
            verdict.admitted_by.push_back({name, verdict.direction, i});
            admits = true;
        } else if (fit.distance < nearest.distance) {
            nearest = fit;
            index = i;
        }
    }
    verdict.isolated_by.push_back(name);
    if (admits)
        return;
    if (rules.empty())
        verdict.misses.push_back(
            {name, std::nullopt,
             policy.stands_in ? "it was refused, and no earlier version of it is known: it isolates without rules"
                              : fmt::format("it has no {} rules, so it admits nothing", verdict.direction)});
    else
        verdict.misses.push_back({name, index, judge.obstacle(rules[index], nearest)});
}

bool isolates(const Policy& policy, const Hop& hop) {
    return (hop.direction == Direction::ingress ? policy.isolates_ingress : policy.isolates_egress) &&
           matches(policy.pods, hop.local.labels);
}

void conclude(EndVerdict& verdict) {
    verdict.allowed = verdict.isolated_by.empty() || !verdict.admitted_by.empty();
    if (verdict.isolated_by.empty()) {
        verdict.ground = Ground::not_isolated;
        verdict.sentence = verdict.in_order.empty() ? "no policy isolates it in this direction"
                                                    : "no rule of a policy of the cluster decides, and no policy "
                                                      "isolates it in this direction";
    } else if (verdict.allowed) {
        verdict.ground = Ground::admitted;
        verdict.sentence = "admitted by ";
        for (const report::RuleName& rule : verdict.admitted_by)
            verdict.sentence += fmt::format("{}{} {}[{}]", &rule == verdict.admitted_by.data() ? "" : ", ", rule.policy,
                                            rule.direction, rule.index);
        // One admission is enough: what the others lack is no reason for anything.
        verdict.misses.clear();
    } else {
        const size_t count = verdict.isolated_by.size();
        verdict.ground = Ground::isolated;
        verdict.sentence = count == 1 ? "a policy isolates it, and no rule of it admits this"
                                      : fmt::format("{} policies isolate it, and no rule of them admits this", count);
    }
}

}  // namespace

EndVerdict judge(const Cluster& cluster, const Hop& hop) {
    EndVerdict verdict{std::string(resolve::to_string(hop.direction)), to_string(hop.local.name), hop.local.node};
    if (!is_policed(hop.local)) {
        verdict.sentence = hop.local.host_network
                               ? "it uses the network of its node (hostNetwork), to which policies do not apply"
                               : "it has finished, so policies do not apply to it";
        return verdict;
    }
    if (has_address(hop.local, hop.remote)) {
        verdict.sentence = "a pod cannot be kept from itself";
        return verdict;
    }
    if (ask_tier(cluster, ClusterTier::admin, hop, verdict))
        return verdict;
    const std::string& ns = hop.local.name.ns;
    for (auto policy = cluster.policies.lower_bound({ns, ""});
         policy != cluster.policies.end() && policy->first.ns == ns; ++policy)
        if (isolates(policy->second, hop))
            judge_by(cluster, policy->second, hop, verdict);
    if (verdict.isolated_by.empty() && ask_tier(cluster, ClusterTier::baseline, hop, verdict))
        return verdict;
    conclude(verdict);
    return verdict;
}

}  // namespace catflap::explain
