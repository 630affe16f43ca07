// SPDX-License-Identifier: Apache-2.0
#include "compile/classes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace catflap::compile {
namespace {

constexpr size_t kLongestGroupKey = 128;  // a longer one is hashed: it is part of every key of a class in the group

Workload reduce(const Pod& pod, const Relevance& relevance) {
    Workload workload{pod.name.ns, {}, {}};
    for (const auto& [key, value] : pod.labels)
        if (relevance.label_keys.contains(key))
            workload.labels.emplace(key, value);
    for (const NamedPort& port : pod.ports)
        if (relevance.port_names.contains({port.name, port.protocol}))
            workload.ports.push_back(port);
    std::ranges::sort(workload.ports);
    workload.ports.erase(std::unique(workload.ports.begin(), workload.ports.end()), workload.ports.end());
    return workload;
}

// Label values cannot hold the separators (RFC 1123 names, label syntax), so different workloads have different keys.
std::string key_of(const Workload& workload) {
    std::string key = workload.ns;
    for (const auto& [name, value] : workload.labels)
        key += fmt::format(",{}={}", name, value);
    for (const NamedPort& port : workload.ports)
        key += fmt::format(",:{}:{}:{}", port.name, static_cast<int>(port.protocol), port.number);
    return key;
}

std::string key_of(const BlockGroup& group) {
    std::string key;
    for (const IpBlock& block : group) {
        key += to_string(block.cidr);
        for (const Prefix& except : block.except)
            key += "-" + to_string(except);
        key += "+";
    }
    if (key.size() <= kLongestGroupKey)
        return key;
    const std::hash<std::string> hash;
    return fmt::format("{:016x}{:016x}/{}", hash(key), hash(key + "+"), group.size());
}

// Gives equal (workloads, groups) one index, and writes their keys.
class ClassTable {
  public:
    ClassTable(Classification& result, const Relevance& relevance, const std::vector<resolve::Frontend>& frontends)
        : result_(result), frontends_(frontends) {
        for (const BlockGroup& group : relevance.block_groups)
            group_keys_.push_back(key_of(group));
        index({});
    }

    uint32_t index(const AddressClass& address_class) {
        const auto [entry, added] = known_.try_emplace(address_class, static_cast<uint32_t>(result_.classes.size()));
        if (added) {
            result_.classes.push_back(address_class);
            result_.keys.push_back(key_of_class(address_class));
        }
        return entry->second;
    }

  private:
    std::string key_of_class(const AddressClass& address_class) const {
        std::string key;
        for (const uint32_t workload : address_class.workloads)
            key += key_of(result_.workloads[workload]) + "|";
        for (const uint32_t group : address_class.groups)
            key += "#" + group_keys_[group];
        if (address_class.frontend != kNoFrontend)
            key += "@" + frontends_[address_class.frontend].name;
        return key;
    }

    Classification& result_;
    const std::vector<resolve::Frontend>& frontends_;
    std::vector<std::string> group_keys_;
    std::map<AddressClass, uint32_t> known_;
};

std::map<Address, std::vector<uint32_t>> workloads_by_address(const Cluster& cluster, const Relevance& relevance,
                                                              std::vector<Workload>& workloads) {
    std::map<Workload, uint32_t> known;
    std::map<Address, std::vector<uint32_t>> by_address;
    for (const auto& [name, pod] : cluster.pods) {
        if (!is_policed(pod) || pod.addresses.empty())
            continue;
        Workload workload = reduce(pod, relevance);
        const auto [entry, added] = known.try_emplace(workload, static_cast<uint32_t>(workloads.size()));
        if (added)
            workloads.push_back(std::move(workload));
        for (const Address& address : pod.addresses)
            by_address[address].push_back(entry->second);
    }
    return by_address;
}

bool pod_part_holds(const resolve::PodMatch& match, const Workload& workload, const Cluster& cluster) {
    if (match.ns ? workload.ns != *match.ns : !matches(match.namespaces, namespace_labels(cluster, workload.ns)))
        return false;
    if (!matches(match.pods, workload.labels))
        return false;
    return !match.declares || std::ranges::find(workload.ports, *match.declares) != workload.ports.end();
}

}  // namespace

void Relevance::add(const resolve::SourceSet& set) {
    if (!set.blocks.empty())
        block_groups.push_back(set.blocks);
    if (!set.pods)
        return;
    for (const LabelRequirement& requirement : set.pods->pods.requirements)
        label_keys.insert(requirement.key);
    if (set.pods->declares)
        port_names.emplace(set.pods->declares->name, set.pods->declares->protocol);
}

void Relevance::finish() {
    std::ranges::sort(block_groups);
    block_groups.erase(std::unique(block_groups.begin(), block_groups.end()), block_groups.end());
}

uint32_t Classification::class_outside(const Address& address) const {
    const auto groups = blocks.groups_of(address);
    const auto found = outside.find({groups.begin(), groups.end()});
    return found == outside.end() ? 0 : found->second;
}

uint32_t Classification::class_of(const Address& address) const {
    const auto pod = addresses.find(address);
    return pod == addresses.end() ? class_outside(address) : pod->second;
}

Classification classify_addresses(const Cluster& cluster, const Relevance& relevance,
                                  const std::vector<resolve::Frontend>& frontends) {
    Classification result;
    ClassTable table(result, relevance, frontends);
    result.blocks = BlockIndex(relevance.block_groups);
    for (const BlockIndex::Entry& entry : result.blocks.entries()) {
        const uint32_t index = table.index({{}, entry.groups});
        result.prefixes.emplace_back(entry.prefix, index);
        result.outside.emplace(entry.groups, index);
    }
    for (auto& [address, workloads] : workloads_by_address(cluster, relevance, result.workloads)) {
        std::ranges::sort(workloads);
        workloads.erase(std::unique(workloads.begin(), workloads.end()), workloads.end());
        const auto groups = result.blocks.groups_of(address);
        result.addresses.emplace(address, table.index({workloads, {groups.begin(), groups.end()}}));
    }
    // An address that is a pod's is the pod's.
    for (uint32_t frontend = 0; frontend < frontends.size(); ++frontend)
        for (const Address& address : frontends[frontend].addresses)
            if (!result.addresses.contains(address)) {
                const auto groups = result.blocks.groups_of(address);
                result.addresses.emplace(address, table.index({{}, {groups.begin(), groups.end()}, frontend}));
            }
    return result;
}

bool holds(const resolve::SourceSet& set, const Classification& classification, uint32_t class_index,
           const Relevance& relevance, const Cluster& cluster) {
    const AddressClass& address_class = classification.classes[class_index];
    const auto in_workload = [&](uint32_t workload) {
        return pod_part_holds(*set.pods, classification.workloads[workload], cluster);
    };
    if (set.pods && std::ranges::none_of(address_class.workloads, in_workload))
        return false;
    if (set.blocks.empty())
        return set.pods.has_value();
    const auto group = std::ranges::lower_bound(relevance.block_groups, set.blocks);
    const auto index = static_cast<uint32_t>(group - relevance.block_groups.begin());
    return std::ranges::binary_search(address_class.groups, index);
}

}  // namespace catflap::compile
