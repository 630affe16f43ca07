// SPDX-License-Identifier: Apache-2.0
#include "support/random/smaller.h"

#include <cstddef>

namespace catflap::test {
namespace {

// Every way to leave one item out, each written into a copy of `whole` by `assign`.
template <class Whole, class Items, class Assign>
void without_each(std::vector<Whole>& found, const Whole& whole, const Items& items, const Assign& assign) {
    for (size_t i = 0; i < items.size(); ++i) {
        Items fewer = items;
        fewer.erase(std::next(fewer.begin(), static_cast<std::ptrdiff_t>(i)));
        Whole copy = whole;
        assign(copy, std::move(fewer));
        found.push_back(std::move(copy));
    }
}

// Every way to make one item smaller.
template <class Whole, class Item, class Shrink, class Assign>
void with_smaller(std::vector<Whole>& found, const Whole& whole, const std::vector<Item>& items,
                  const Shrink& shrink_item, const Assign& assign) {
    for (size_t i = 0; i < items.size(); ++i)
        for (Item& item : shrink_item(items[i])) {
            std::vector<Item> changed = items;
            changed[i] = std::move(item);
            Whole copy = whole;
            assign(copy, std::move(changed));
            found.push_back(std::move(copy));
        }
}

std::vector<Selector> smaller_selectors(const Selector& selector) {
    std::vector<Selector> found;
    without_each(found, selector, selector.requirements,
                 [](Selector& copy, auto fewer) { copy.requirements = std::move(fewer); });
    for (size_t i = 0; i < selector.requirements.size(); ++i) {
        const LabelRequirement& requirement = selector.requirements[i];
        if (requirement.values.size() < 2)
            continue;
        without_each(found, selector, requirement.values,
                     [i](Selector& copy, auto fewer) { copy.requirements[i].values = std::move(fewer); });
    }
    return found;
}

std::vector<PolicyPeer> smaller_peers(const PolicyPeer& peer) {
    std::vector<PolicyPeer> found;
    if (peer.ip_block)
        without_each(found, peer, peer.ip_block->except,
                     [](PolicyPeer& copy, auto fewer) { copy.ip_block->except = std::move(fewer); });
    if (peer.pods && peer.namespaces) {
        found.push_back({peer.pods, {}, {}});
        found.push_back({{}, peer.namespaces, {}});
    }
    if (peer.pods)
        for (Selector& selector : smaller_selectors(*peer.pods))
            found.push_back({std::move(selector), peer.namespaces, {}});
    if (peer.namespaces)
        for (Selector& selector : smaller_selectors(*peer.namespaces))
            found.push_back({peer.pods, std::move(selector), {}});
    return found;
}

std::vector<PolicyPort> smaller_ports(const PolicyPort& port) {
    std::vector<PolicyPort> found;
    if (port.end_port)
        found.push_back({port.protocol, port.port, {}});
    if (port.port.index() != 0)
        found.push_back({port.protocol, {}, {}});
    return found;
}

std::vector<PolicyRule> smaller_rules(const PolicyRule& rule) {
    std::vector<PolicyRule> found;
    const auto set_peers = [](PolicyRule& copy, auto peers) { copy.peers = std::move(peers); };
    const auto set_ports = [](PolicyRule& copy, auto ports) { copy.ports = std::move(ports); };
    without_each(found, rule, rule.peers, set_peers);
    without_each(found, rule, rule.ports, set_ports);
    with_smaller(found, rule, rule.peers, smaller_peers, set_peers);
    with_smaller(found, rule, rule.ports, smaller_ports, set_ports);
    return found;
}

std::vector<ClusterRule> smaller_cluster_rules(const ClusterRule& rule) {
    std::vector<ClusterRule> found;
    if (rule.peers.size() > 1)
        without_each(found, rule, rule.peers, [](ClusterRule& copy, auto peers) { copy.peers = std::move(peers); });
    without_each(found, rule, rule.ports, [](ClusterRule& copy, auto ports) { copy.ports = std::move(ports); });
    return found;
}

}  // namespace

std::vector<ClusterPolicy> smaller(const ClusterPolicy& policy) {
    std::vector<ClusterPolicy> found;
    const auto set_ingress = [](ClusterPolicy& copy, auto rules) { copy.ingress = std::move(rules); };
    const auto set_egress = [](ClusterPolicy& copy, auto rules) { copy.egress = std::move(rules); };
    without_each(found, policy, policy.ingress, set_ingress);
    without_each(found, policy, policy.egress, set_egress);
    with_smaller(found, policy, policy.ingress, smaller_cluster_rules, set_ingress);
    with_smaller(found, policy, policy.egress, smaller_cluster_rules, set_egress);
    if (policy.subject != PodSelection{}) {
        found.push_back(policy);
        found.back().subject = {};
    }
    return found;
}

std::vector<Node> smaller(const Node& node) {
    std::vector<Node> found;
    without_each(found, node, node.addresses, [](Node& copy, auto fewer) { copy.addresses = std::move(fewer); });
    without_each(found, node, node.labels, [](Node& copy, auto fewer) { copy.labels = std::move(fewer); });
    return found;
}

std::vector<Policy> smaller(const Policy& policy) {
    std::vector<Policy> found;
    const auto set_ingress = [](Policy& copy, auto rules) { copy.ingress = std::move(rules); };
    const auto set_egress = [](Policy& copy, auto rules) { copy.egress = std::move(rules); };
    if (policy.isolates_ingress && policy.isolates_egress) {
        found.push_back(policy);
        found.back().isolates_egress = false;
        found.push_back(policy);
        found.back().isolates_ingress = false;
    }
    without_each(found, policy, policy.ingress, set_ingress);
    without_each(found, policy, policy.egress, set_egress);
    for (Selector& selector : smaller_selectors(policy.pods)) {
        found.push_back(policy);
        found.back().pods = std::move(selector);
    }
    with_smaller(found, policy, policy.ingress, smaller_rules, set_ingress);
    with_smaller(found, policy, policy.egress, smaller_rules, set_egress);
    return found;
}

std::vector<Pod> smaller(const Pod& pod) {
    std::vector<Pod> found;
    without_each(found, pod, pod.ports, [](Pod& copy, auto fewer) { copy.ports = std::move(fewer); });
    without_each(found, pod, pod.labels, [](Pod& copy, auto fewer) { copy.labels = std::move(fewer); });
    without_each(found, pod, pod.addresses, [](Pod& copy, auto fewer) { copy.addresses = std::move(fewer); });
    if (pod.host_network) {
        found.push_back(pod);
        found.back().host_network = false;
    }
    if (pod.finished) {
        found.push_back(pod);
        found.back().finished = false;
    }
    return found;
}

std::vector<Namespace> smaller(const Namespace& ns) {
    std::vector<Namespace> found;
    without_each(found, ns, ns.labels, [](Namespace& copy, auto fewer) { copy.labels = std::move(fewer); });
    return found;
}

}  // namespace catflap::test
