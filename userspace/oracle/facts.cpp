// SPDX-License-Identifier: Apache-2.0
#include "oracle/facts.h"

#include <array>

namespace catflap::oracle {
namespace {

bool is_ipv4(const Address& address) {
    constexpr std::array<uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::equal(mapped.begin(), mapped.end(), address.bytes.begin());
}

bool bit(const Address& address, size_t index) {
    return (address.bytes[index / 8] >> (7 - index % 8) & 1) != 0;
}

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

}  // namespace

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

}  // namespace catflap::oracle
