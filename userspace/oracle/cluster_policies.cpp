// SPDX-License-Identifier: Apache-2.0
#include "oracle/cluster_policies.h"

#include "oracle/facts.h"

namespace catflap::oracle {
namespace {

// Reference, 1.2: "compare the strings name/namespace/kind byte by byte". A policy of the cluster has
// no namespace.
std::string tie_break(const ClusterPolicy& policy) {
    switch (policy.name.kind) {
        case PolicyKind::admin_network_policy:
            return policy.name.name + "//KubernetesAdminNetworkPolicy";
        case PolicyKind::baseline_admin_network_policy:
            return policy.name.name + "//KubernetesBaselineAdminNetworkPolicy";
        default:
            return policy.name.name + "//KubernetesClusterNetworkPolicy";
    }
}

// API, spec.priority: "the lower the number, the higher the precedence". "A BANP has no priority:
// behind all".
bool stands_before(const ClusterPolicy& a, const ClusterPolicy& b) {
    const uint32_t first = a.priority.value_or(1000000);
    const uint32_t second = b.priority.value_or(1000000);
    return first != second ? first < second : tie_break(a) < tie_break(b);
}

// The next one behind `last`; nullptr: there is none.
const ClusterPolicy* next_of(const Cluster& cluster, ClusterTier tier, const ClusterPolicy* last) {
    const ClusterPolicy* next = nullptr;
    for (const auto& [name, policy] : cluster.cluster_policies)
        if (policy.tier == tier && (last == nullptr || stands_before(*last, policy)) &&
            (next == nullptr || stands_before(policy, *next)))
            next = &policy;
    return next;
}

// API, NamespacedPod: "pods in namespaces"; pods on the host's network are never selected.
bool selects_pod(const Cluster& cluster, const PodSelection& selection, const Pod& pod) {
    return takes_part(pod) && selects(selection.namespaces, labels_of_namespace(cluster, pod.name.ns)) &&
           selects(selection.pods, pod.labels);
}

// `pod`: one of the pods at the address, or nullptr for the address alone.
bool is_peer(const Cluster& cluster, const ClusterPeer& peer, const Address& remote, const Pod* pod) {
    if (const auto* pods = std::get_if<PodSelection>(&peer))
        return pod != nullptr && selects_pod(cluster, *pods, *pod);
    if (const auto* list = std::get_if<NetworkList>(&peer)) {  // whoever has the address
        for (const Prefix& network : list->networks)
            if (lies_in(remote, network))
                return true;
        return false;
    }
    if (const auto* nodes = std::get_if<NodeSelection>(&peer)) {  // status.addresses of these Nodes
        for (const auto& [name, node] : cluster.nodes)
            if (selects(nodes->nodes, node.labels))
                for (const Address& address : node.addresses)
                    if (address == remote)
                        return true;
        return false;
    }
    return false;  // domainNames: nobody here knows their addresses
}

// A name: the destination's own port, with the protocol that it declares.
bool is_port(const ClusterPort& port, const Hop& hop, const Pod* destination) {
    if (const auto* numbers = std::get_if<PortInterval>(&port))
        return hop.protocol == static_cast<uint8_t>(numbers->protocol) && numbers->first <= hop.destination_port &&
               hop.destination_port <= numbers->last;
    if (destination == nullptr)
        return false;
    for (const NamedPort& declared : destination->ports)
        if (declared.name == std::get<PortByName>(port).name &&
            static_cast<uint8_t>(declared.protocol) == hop.protocol && declared.number == hop.destination_port)
            return true;
    return false;
}

// "no ports: every protocol, ICMP too".
bool is_any_port(const ClusterRule& rule, const Hop& hop, const Pod* destination) {
    if (rule.ports.empty())
        return true;
    for (const ClusterPort& port : rule.ports)
        if (is_port(port, hop, destination))
            return true;
    return false;
}

bool is_matched(const Cluster& cluster, const ClusterRule& rule, const Hop& hop, const Pod& local) {
    std::vector<const Pod*> remotes = pods_at(cluster, hop.remote);
    remotes.push_back(nullptr);  // the address alone
    for (const Pod* remote : remotes) {
        const Pod* destination = hop.direction == Direction::ingress ? &local : remote;
        for (const ClusterPeer& peer : rule.peers)
            if (is_peer(cluster, peer, hop.remote, remote) && is_any_port(rule, hop, destination))
                return true;
    }
    return false;
}

// A cluster without Nodes is one whose Nodes are not known.
bool needs_unknown_nodes(const Cluster& cluster, const ClusterRule& rule) {
    for (const ClusterPeer& peer : rule.peers)
        if (std::holds_alternative<NodeSelection>(peer) && cluster.nodes.empty())
            return true;
    return false;
}

enum class Answer { nothing, accepted, denied, passed };

Answer ask_rule(const Cluster& cluster, const ClusterRule& rule, const Hop& hop, const Pod& local) {
    // NPEP-187: an Accept of an unknown peer matches nothing, Deny and Pass deny everything.
    if (rule.unknown || needs_unknown_nodes(cluster, rule))
        return rule.action == RuleAction::accept ? Answer::nothing : Answer::denied;
    if (!is_matched(cluster, rule, hop, local))
        return Answer::nothing;
    return rule.action == RuleAction::accept ? Answer::accepted
           : rule.action == RuleAction::deny ? Answer::denied
                                             : Answer::passed;
}

}  // namespace

bool ask_tier(const Cluster& cluster, ClusterTier tier, const Hop& hop, const Pod& local, Decision& decision) {
    for (const ClusterPolicy* policy = next_of(cluster, tier, nullptr); policy != nullptr;
         policy = next_of(cluster, tier, policy)) {
        if (!selects_pod(cluster, policy->subject, local))
            continue;
        const auto& rules = hop.direction == Direction::ingress ? policy->ingress : policy->egress;
        for (size_t i = 0; i < rules.size(); ++i) {
            const Answer answer = ask_rule(cluster, rules[i], hop, local);
            if (answer == Answer::passed)
                return false;
            if (answer == Answer::nothing)
                continue;
            decision.allowed = answer == Answer::accepted;
            decision.decided_by = Admission{policy->name, hop.direction, i};
            return true;
        }
    }
    return false;
}

}  // namespace catflap::oracle
