// SPDX-License-Identifier: Apache-2.0
#include "oracle/oracle.h"

#include <fmt/format.h>

#include "oracle/cluster_policies.h"
#include "oracle/facts.h"

namespace catflap::oracle {
namespace {

// API, spec.podSelector: "selects the pods to which this NetworkPolicy object applies", in the
// policy's namespace. Concept, "The two sorts of pod isolation": a direction isolates only if
// policyTypes names it.
bool isolates(const Policy& policy, const Pod& pod, Direction direction) {
    const bool names_direction = direction == Direction::ingress ? policy.isolates_ingress : policy.isolates_egress;
    return names_direction && policy.name.ns == pod.name.ns && selects(policy.pods, pod.labels);
}

// API, NetworkPolicyPeer. `pod`: one of the pods at this address, or nullptr for the address alone.
bool is_peer(const Cluster& cluster, const Policy& policy, const PolicyPeer& peer, const Address& remote,
             const Pod* pod) {
    if (peer.ip_block)  // "neither of the other fields can be" set; addresses of pods count like
                        // any other
        return lies_in(remote, *peer.ip_block);
    if (pod == nullptr)
        return false;
    // namespaceSelector: "If it is present but empty, it selects all namespaces"; without it "the
    // pods matching podSelector in the policy's own namespace".
    const bool right_namespace = peer.namespaces ? selects(*peer.namespaces, labels_of_namespace(cluster, pod->name.ns))
                                                 : pod->name.ns == policy.name.ns;
    // podSelector: "If present but empty, it selects all pods"; without it all pods of the
    // namespaces.
    return right_namespace && (!peer.pods || selects(*peer.pods, pod->labels));
}

// API, rule.from and rule.to: "combined using a logical OR operation. If this field is empty or
// missing, this rule matches all sources (traffic not restricted by source)".
bool is_any_peer(const Cluster& cluster, const Policy& policy, const PolicyRule& rule, const Address& remote,
                 const Pod* pod) {
    if (rule.peers.empty())
        return true;
    for (const PolicyPeer& peer : rule.peers)
        if (is_peer(cluster, policy, peer, remote, pod))
            return true;
    return false;
}

// API, NetworkPolicyPort: protocol and port together. A name is "a named port on a pod": the
// destination's. A pod may declare a name more than once (in two containers, or for two protocols):
// each declaration of the rule's protocol counts.
bool is_port(const PolicyPort& port, const Hop& hop, const Pod* destination) {
    if (hop.protocol != static_cast<uint8_t>(port.protocol))
        return false;
    if (const auto* number = std::get_if<uint16_t>(&port.port)) {
        const uint16_t last = port.end_port.value_or(*number);  // endPort: "inclusive"
        return *number <= hop.destination_port && hop.destination_port <= last;
    }
    if (const auto* name = std::get_if<std::string>(&port.port)) {
        if (destination == nullptr)
            return false;
        for (const NamedPort& declared : destination->ports)
            if (declared.name == *name && declared.protocol == port.protocol && declared.number == hop.destination_port)
                return true;
        return false;
    }
    return true;  // "If this field is not provided, this matches all port names and numbers."
}

// API, rule.ports: "If this field is empty or missing, this rule matches all ports (traffic not
// restricted by port)": of every protocol. With ports it never matches what is not TCP, UDP or
// SCTP.
bool is_any_port(const PolicyRule& rule, const Hop& hop, const Pod* destination) {
    if (rule.ports.empty())
        return true;
    for (const PolicyPort& port : rule.ports)
        if (is_port(port, hop, destination))
            return true;
    return false;
}

// API, rule: "The traffic must match both ports and from."
bool admits(const Cluster& cluster, const Policy& policy, const PolicyRule& rule, const Hop& hop, const Pod& local) {
    std::vector<const Pod*> remotes = pods_at(cluster, hop.remote);
    remotes.push_back(nullptr);  // the address alone
    for (const Pod* remote : remotes) {
        const Pod* destination = hop.direction == Direction::ingress ? &local : remote;
        if (is_any_peer(cluster, policy, rule, hop.remote, remote) && is_any_port(rule, hop, destination))
            return true;
    }
    return false;
}

const char* to_string(Direction direction) {
    return direction == Direction::ingress ? "ingress" : "egress";
}

std::string explain(const Hop& hop, const Decision& decision) {
    const std::string subject = fmt::format("{} {}", catflap::to_string(hop.pod), to_string(hop.direction));
    if (decision.decided_by)
        return fmt::format("{}: {} by {} rule {}", subject, decision.allowed ? "accepted" : "denied",
                           catflap::to_string(decision.decided_by->policy), decision.decided_by->index);
    if (decision.isolated_by.empty())
        return subject + ": no policy isolates it";
    if (!decision.admitted_by.empty()) {
        const Admission& first = decision.admitted_by.front();
        return fmt::format("{}: admitted by {} {}[{}]", subject, catflap::to_string(first.policy),
                           to_string(first.direction), first.index);
    }
    std::string text = subject + ": no rule admits it, isolated by";
    for (const PolicyName& policy : decision.isolated_by)
        text += " " + catflap::to_string(policy);
    return text;
}

}  // namespace

Decision judge(const Cluster& cluster, const Hop& hop) {
    if (!cluster.pods.contains(hop.pod))
        return {false, catflap::to_string(hop.pod) + ": no such pod", {}, {}, {}};
    const Pod& local = cluster.pods.at(hop.pod);
    if (!takes_part(local))
        return {true, catflap::to_string(hop.pod) + ": not subject to policies", {}, {}, {}};
    if (has_address(local,
                    hop.remote))  // concept, introduction: "a Pod cannot block access to itself"
        return {true, catflap::to_string(hop.pod) + ": a pod cannot block access to itself", {}, {}, {}};

    Decision decision;
    if (ask_tier(cluster, ClusterTier::admin, hop, local, decision)) {
        decision.why = explain(hop, decision);
        return decision;
    }
    for (const auto& [name, policy] : cluster.policies) {
        if (!isolates(policy, local, hop.direction))
            continue;
        decision.isolated_by.emplace_back(name);
        const auto& rules = hop.direction == Direction::ingress ? policy.ingress : policy.egress;
        for (size_t i = 0; i < rules.size(); ++i)
            if (admits(cluster, policy, rules[i], hop, local))
                decision.admitted_by.push_back({name, hop.direction, i});
    }
    // Concept, "The two sorts of pod isolation": isolation adds up, and so do the allowed
    // connections. Baseline is only reached where nothing isolates.
    decision.allowed = decision.isolated_by.empty() || !decision.admitted_by.empty();
    if (decision.isolated_by.empty())
        ask_tier(cluster, ClusterTier::baseline, hop, local, decision);
    decision.why = explain(hop, decision);
    return decision;
}

Decision judge_connection(const Cluster& cluster, const Packet& packet) {
    std::vector<Hop> hops;
    for (const Pod* sender : pods_at(cluster, packet.source))
        hops.push_back({sender->name, Direction::egress, packet.destination, packet.protocol, packet.destination_port});
    for (const Pod* receiver : pods_at(cluster, packet.destination))
        hops.push_back({receiver->name, Direction::ingress, packet.source, packet.protocol, packet.destination_port});

    // Concept: "For a connection from a source pod to a destination pod to be allowed, both the
    // egress policy on the source pod and the ingress policy on the destination pod need to allow
    // the connection."
    Decision both{true, hops.empty() ? "no pod has a part in it" : "", {}, {}, {}};
    for (const Hop& hop : hops) {
        const Decision one = judge(cluster, hop);
        both.allowed = both.allowed && one.allowed;
        both.why += (both.why.empty() ? "" : "; ") + one.why;
        both.isolated_by.insert(both.isolated_by.end(), one.isolated_by.begin(), one.isolated_by.end());
        both.admitted_by.insert(both.admitted_by.end(), one.admitted_by.begin(), one.admitted_by.end());
    }
    return both;
}

}  // namespace catflap::oracle
