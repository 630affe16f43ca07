// SPDX-License-Identifier: Apache-2.0
#include "oracle/oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace catflap::oracle {
namespace {

// ---- Addresses ----

bool is_ipv4(const Address& address) {
    constexpr std::array<uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::equal(mapped.begin(), mapped.end(), address.bytes.begin());
}

bool bit(const Address& address, size_t index) {
    return (address.bytes[index / 8] >> (7 - index % 8) & 1) != 0;
}

// ipBlock.cidr "10.0.0.0/8", or "2001:db8::/64": bit by bit, and each family for itself.
bool lies_in(const Address& address, const Prefix& cidr) {
    const bool cidr_is_ipv4 = is_ipv4(cidr.address()) && cidr.length() >= 96;
    if (is_ipv4(address) != cidr_is_ipv4)
        return false;
    for (size_t i = 0; i < cidr.length(); ++i)
        if (bit(address, i) != bit(cidr.address(), i))
            return false;
    return true;
}

// API, IPBlock.except: "a slice of CIDRs that should not be included within an IPBlock".
bool lies_in(const Address& address, const IpBlock& block) {
    if (!lies_in(address, block.cidr))
        return false;
    for (const Prefix& except : block.except)
        if (lies_in(address, except))
            return false;
    return true;
}

// ---- Labels ----
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors

bool is_one_of(const std::string& value, const std::vector<std::string>& values) {
    for (const std::string& candidate : values)
        if (candidate == value)
            return true;
    return false;
}

// "tier notin (frontend)" selects also "all resources with no labels with the tier key".
bool holds(const LabelRequirement& requirement, const Labels& labels) {
    const bool has_key = labels.contains(requirement.key);
    switch (requirement.op) {
        case LabelRequirement::Operator::in:
            return has_key && is_one_of(labels.at(requirement.key), requirement.values);
        case LabelRequirement::Operator::not_in:
            return !has_key || !is_one_of(labels.at(requirement.key), requirement.values);
        case LabelRequirement::Operator::exists:
            return has_key;
        case LabelRequirement::Operator::does_not_exist:
            return !has_key;
    }
    return false;
}

// All requirements together; an empty selector selects everything.
bool selects(const Selector& selector, const Labels& labels) {
    for (const LabelRequirement& requirement : selector.requirements)
        if (!holds(requirement, labels))
            return false;
    return true;
}

// Concept, "Targeting a Namespace by its name": the control plane sets the label
// kubernetes.io/metadata.name on all namespaces. A namespace that we were not told of has no other.
Labels labels_of_namespace(const Cluster& cluster, const std::string& name) {
    Labels labels;
    if (cluster.namespaces.contains(name))
        labels = cluster.namespaces.at(name).labels;
    labels.set("kubernetes.io/metadata.name", name);
    return labels;
}

// ---- Pods ----

// Concept, "NetworkPolicy and hostNetwork pods": such pods are treated as the node, whose traffic
// they share. A pod that has finished sends nothing; the address in its status may be another pod's
// by now. A pod without an address is policed: "filtering is effective throughout the Pod
// lifecycle, even from the very first instant" (concept, "Pod lifecycle"). It cannot be anyone's
// peer, as it has no address yet to be known by.
bool takes_part(const Pod& pod) {
    return !pod.host_network && !pod.finished;
}

bool has_address(const Pod& pod, const Address& address) {
    for (const Address& own : pod.addresses)
        if (own == address)
            return true;
    return false;
}

// The pods that the address may be. Normally one or none; two while a pod's last word is older than
// its successor's first. Then either may be meant, and what is admitted from (or to) one of them is
// admitted.
std::vector<const Pod*> pods_at(const Cluster& cluster, const Address& address) {
    std::vector<const Pod*> found;
    for (const auto& [name, pod] : cluster.pods)
        if (takes_part(pod) && has_address(pod, address))
            found.push_back(&pod);
    return found;
}

// ---- Policies ----

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
    if (decision.isolated_by.empty())
        return subject + ": no policy isolates it";
    if (!decision.admitted_by.empty()) {
        const Admission& first = decision.admitted_by.front();
        return fmt::format("{}: admitted by {} {}[{}]", subject, catflap::to_string(first.policy),
                           to_string(first.direction), first.index);
    }
    std::string text = subject + ": no rule admits it, isolated by";
    for (const ObjectName& policy : decision.isolated_by)
        text += " " + catflap::to_string(policy);
    return text;
}

}  // namespace

Decision judge(const Cluster& cluster, const Hop& hop) {
    if (!cluster.pods.contains(hop.pod))
        return {false, catflap::to_string(hop.pod) + ": no such pod", {}, {}};
    const Pod& local = cluster.pods.at(hop.pod);
    if (!takes_part(local))
        return {true, catflap::to_string(hop.pod) + ": not subject to policies", {}, {}};
    if (has_address(local,
                    hop.remote))  // concept, introduction: "a Pod cannot block access to itself"
        return {true, catflap::to_string(hop.pod) + ": a pod cannot block access to itself", {}, {}};

    Decision decision;
    for (const auto& [name, policy] : cluster.policies) {
        if (!isolates(policy, local, hop.direction))
            continue;
        decision.isolated_by.push_back(name);
        const auto& rules = hop.direction == Direction::ingress ? policy.ingress : policy.egress;
        for (size_t i = 0; i < rules.size(); ++i)
            if (admits(cluster, policy, rules[i], hop, local))
                decision.admitted_by.push_back({name, hop.direction, i});
    }
    // Concept, "The two sorts of pod isolation": isolation adds up, and so do the allowed
    // connections.
    decision.allowed = decision.isolated_by.empty() || !decision.admitted_by.empty();
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
    Decision both{true, hops.empty() ? "no pod has a part in it" : "", {}, {}};
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
