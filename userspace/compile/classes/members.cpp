// SPDX-License-Identifier: Apache-2.0
// Questions to a finished classification: the class of an address, the classes of a set.
#include <algorithm>

#include "compile/classes/classes.h"

namespace catflap::compile {
namespace {

bool pods_hold(const resolve::PodMatch& match, const Workload& workload) {
    if (!matches(match.pods, workload.labels))
        return false;
    return !match.declares || std::ranges::find(workload.ports, *match.declares) != workload.ports.end();
}

bool namespace_holds(const resolve::PodMatch& match, const std::string& ns, const Cluster& cluster) {
    return match.ns ? ns == *match.ns : matches(match.namespaces, namespace_labels(cluster, ns));
}

}  // namespace

uint32_t Classification::class_outside(const Address& address) const {
    const auto groups = blocks_.groups_of(address);
    const auto found = outside_.find({groups.begin(), groups.end()});
    return found == outside_.end() ? 0 : found->second;
}

uint32_t Classification::class_of(const Address& address) const {
    const auto known = addresses_.find(address);
    return known == addresses_.end() ? class_outside(address) : known->second.class_index;
}

uint32_t Classification::group_of(const resolve::SourceSet& set) const {
    return static_cast<uint32_t>(std::ranges::lower_bound(relevance_.block_groups, set.blocks) -
                                 relevance_.block_groups.begin());
}

bool Classification::holds(const resolve::SourceSet& set, uint32_t class_index, const Cluster& cluster) const {
    const AddressClass& address_class = classes_[class_index];
    const auto in_workload = [&](uint32_t workload) {
        return pods_hold(*set.pods, workloads_[workload]) &&
               namespace_holds(*set.pods, workloads_[workload].ns, cluster);
    };
    if (set.pods && std::ranges::none_of(address_class.workloads, in_workload))
        return false;
    if (set.blocks.empty())
        return set.pods.has_value();
    return std::ranges::binary_search(address_class.groups, group_of(set));
}

bool Classification::would_hold(const resolve::SourceSet& set, const Pod& pod, const Address& address,
                                const Cluster& cluster) const {
    if (set.pods && (!pods_hold(*set.pods, {pod.name.ns, pod.labels, pod.ports}) ||
                     !namespace_holds(*set.pods, pod.name.ns, cluster)))
        return false;
    if (set.blocks.empty())
        return set.pods.has_value();
    return std::ranges::binary_search(classes_[class_of(address)].groups, group_of(set));
}

// A superset of the workloads that match, as small as an index gives it.
std::vector<uint32_t> Classification::candidates(const resolve::PodMatch& match) const {
    std::vector<uint32_t> found;
    for (const LabelRequirement& requirement : match.pods.requirements) {
        if (requirement.op != LabelRequirement::Operator::in)
            continue;
        for (const std::string& value : requirement.values)
            if (const auto with = workloads_with_.find(label_text(requirement.key, value));
                with != workloads_with_.end())
                found.insert(found.end(), with->second.begin(), with->second.end());
        return found;
    }
    for (const auto& [ns, workloads] : workloads_of_)
        if (!match.ns || ns == *match.ns)
            found.insert(found.end(), workloads.begin(), workloads.end());
    return found;
}

std::vector<uint32_t> Classification::members(const resolve::SourceSet& set, const Cluster& cluster) const {
    if (!set.pods) {
        std::vector<uint32_t> in_group =
            set.blocks.empty() ? std::vector<uint32_t>{} : classes_in_group_[group_of(set)];
        std::ranges::sort(in_group);
        return in_group;
    }
    std::vector<uint32_t> found;
    std::unordered_map<std::string, bool> namespaces;
    for (const uint32_t workload : candidates(*set.pods)) {
        if (!pods_hold(*set.pods, workloads_[workload]))
            continue;
        const auto [ns, unknown] = namespaces.try_emplace(workloads_[workload].ns);
        if (unknown)
            ns->second = namespace_holds(*set.pods, ns->first, cluster);
        if (ns->second)
            found.insert(found.end(), classes_of_workload_[workload].begin(), classes_of_workload_[workload].end());
    }
    std::ranges::sort(found);
    found.erase(std::unique(found.begin(), found.end()), found.end());
    if (!set.blocks.empty())
        std::erase_if(found, [&, group = group_of(set)](uint32_t index) {
            return !std::ranges::binary_search(classes_[index].groups, group);
        });
    return found;
}

}  // namespace catflap::compile
