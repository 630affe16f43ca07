// SPDX-License-Identifier: Apache-2.0
#include "compile/admission/admitted_cluster.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace catflap::compile {

const Cluster& AdmittedCluster::update(const Cluster& source, const Admission& admission, Changes& changes) {
    const bool wanted = !admission.without_rules.empty() || !admission.without_addresses.empty();
    // To begin anew costs much, and is what seldom happens.
    changes.everything |= wanted != (copy_ != nullptr) || admission.without_addresses != without_addresses_;
    std::vector<PolicyName> toggled;
    if (wanted)
        std::ranges::set_symmetric_difference(without_rules_, admission.without_rules, std::back_inserter(toggled));
    for (const PolicyName& name : toggled)
        if (name.kind == PolicyKind::network_policy)
            changes.policies.insert({name.ns, name.name});
        else
            changes.cluster_policies.insert(name);
    without_rules_ = admission.without_rules;
    without_addresses_ = admission.without_addresses;
    if (!wanted) {
        copy_.reset();
        return source;
    }
    take_in(source, changes);
    return *copy_;
}

void AdmittedCluster::take_in(const Cluster& source, Changes& changes) {
    if (changes.everything) {
        copy_ = std::make_unique<Cluster>(source);
        for (const PolicyName& name : without_rules_)
            if (name.kind == PolicyKind::network_policy)
                set_policy(source, ObjectName{name.ns, name.name});
            else
                set_policy(source, name);
        for (const ObjectName& name : without_addresses_)
            set_pod(source, name);
        return;
    }
    for (auto& [name, before] : changes.pods) {
        const auto known = copy_->pods.find(name);
        before = known == copy_->pods.end() ? std::nullopt : std::optional(known->second);
        set_pod(source, name);
    }
    for (const ObjectName& name : changes.policies)
        set_policy(source, name);
    for (const PolicyName& name : changes.cluster_policies)
        set_policy(source, name);
    if (changes.namespaces)
        copy_->namespaces = source.namespaces;
    if (changes.nodes)
        copy_->nodes = source.nodes;
    if (changes.services) {
        copy_->services = source.services;
        copy_->slices = source.slices;
    }
}

void AdmittedCluster::set_policy(const Cluster& source, const ObjectName& name) {
    if (const auto policy = source.policies.find(name); policy == source.policies.end())
        copy_->policies.erase(name);
    else
        copy_->policies[name] = without_rules_.contains(name) ? without_rules(policy->second) : policy->second;
}

void AdmittedCluster::set_policy(const Cluster& source, const PolicyName& name) {
    if (const auto policy = source.cluster_policies.find(name); policy == source.cluster_policies.end())
        copy_->cluster_policies.erase(name);
    else
        copy_->cluster_policies[name] = without_rules_.contains(name) ? without_rules(policy->second) : policy->second;
}

void AdmittedCluster::set_pod(const Cluster& source, const ObjectName& name) {
    const auto pod = source.pods.find(name);
    if (pod == source.pods.end()) {
        copy_->pods.erase(name);
        return;
    }
    Pod& copy = copy_->pods[name] = pod->second;
    if (without_addresses_.contains(name))
        copy.addresses.clear();
}

}  // namespace catflap::compile
