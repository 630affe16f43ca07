// SPDX-License-Identifier: Apache-2.0
#include "compile/classes/classes.h"

#include <fmt/format.h>

#include <algorithm>

namespace catflap::compile {
namespace {

constexpr size_t kLongestGroupKey = 128;  // a longer one is hashed: it is part of every key of a class in the group

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

std::vector<NamedPort> relevant_ports(const Pod& pod, const Relevance& relevance) {
    std::vector<NamedPort> ports;
    for (const NamedPort& port : pod.ports)
        if (relevance.port_names.contains({port.name, port.protocol}))
            ports.push_back(port);
    std::ranges::sort(ports);
    ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
    return ports;
}

}  // namespace

Classification::Classification(const Cluster& cluster, Relevance relevance,
                               const std::vector<resolve::Frontend>& frontends)
    : relevance_(std::move(relevance)), blocks_(relevance_.block_groups) {
    for (const BlockGroup& group : relevance_.block_groups)
        group_keys_.push_back(key_of(group));
    classes_in_group_.resize(group_keys_.size());
    classes_of_frontend_.resize(frontends.size());
    use(index_of({}));  // whatever else is on it: class 0 is always there
    for (const BlockIndex::Entry& entry : blocks_.entries()) {
        const uint32_t index = index_of({{}, entry.groups});
        use(index);
        prefixes_.emplace_back(entry.prefix, index);
        outside_.emplace(entry.groups, index);
    }
    for (uint32_t frontend = 0; frontend < frontends.size(); ++frontend) {
        frontend_names_.push_back(frontends[frontend].name);
        for (const Address& address : frontends[frontend].addresses) {
            frontend_at_.emplace(address, frontend);
            entry_of(address);
        }
    }
    for (const auto& [name, pod] : cluster.pods) {
        if (!is_policed(pod) || pod.addresses.empty())
            continue;
        const uint32_t workload = workload_of(pod);
        for (const Address& address : pod.addresses)
            add_claim(address, workload);
    }
    for (auto& [address, entry] : addresses_)
        classify(address, entry);
}

std::vector<Address> Classification::update(const Cluster& cluster, const Changes& changes) {
    std::vector<Address> touched;
    for (const auto& [name, before] : changes.pods) {
        if (before && is_policed(*before) && !before->addresses.empty()) {
            const uint32_t workload = workload_of(*before);
            for (const Address& address : before->addresses)
                remove_claim(address, workload);
            touched.insert(touched.end(), before->addresses.begin(), before->addresses.end());
        }
        const auto now = cluster.pods.find(name);
        if (now == cluster.pods.end() || !is_policed(now->second) || now->second.addresses.empty())
            continue;
        const uint32_t workload = workload_of(now->second);
        for (const Address& address : now->second.addresses)
            add_claim(address, workload);
        touched.insert(touched.end(), now->second.addresses.begin(), now->second.addresses.end());
    }
    std::ranges::sort(touched);
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    for (const Address& address : touched) {
        const auto entry = addresses_.find(address);
        if (entry == addresses_.end() || classify(address, entry->second))
            continue;
        unuse(entry->second.class_index);
        addresses_.erase(entry);
    }
    return touched;
}

// Label values cannot hold the separators (RFC 1123 names, label syntax), so different workloads have different keys.
uint32_t Classification::workload_of(const Pod& pod) {
    std::string key = pod.name.ns;
    for (const auto& [name, value] : pod.labels)
        if (relevance_.label_keys.contains(name))
            key += "," + label_text(name, value);
    std::vector<NamedPort> ports;
    if (!relevance_.port_names.empty())
        ports = relevant_ports(pod, relevance_);
    for (const NamedPort& port : ports)
        key += fmt::format(",:{}:{}:{}", port.name, static_cast<int>(port.protocol), port.number);
    const auto [entry, added] = workload_at_.try_emplace(std::move(key), static_cast<uint32_t>(workloads_.size()));
    if (!added)
        return entry->second;
    Workload workload{pod.name.ns, {}, std::move(ports)};
    for (const auto& [name, value] : pod.labels)
        if (relevance_.label_keys.contains(name)) {
            workload.labels.set(name, value);
            workloads_with_[label_text(name, value)].push_back(entry->second);
        }
    workloads_of_[workload.ns].push_back(entry->second);
    workloads_.push_back(std::move(workload));
    classes_of_workload_.emplace_back();
    plain_class_.push_back(0);
    return entry->second;
}

// A new one is of class 0 until it is classified.
Classification::Entry& Classification::entry_of(const Address& address) {
    const auto [entry, added] = addresses_.try_emplace(address, Entry{0, kNobody});
    if (added)
        use(0);
    return entry->second;
}

void Classification::add_claim(const Address& address, uint32_t workload) {
    uint32_t& claim = entry_of(address).workload;
    if (claim == kContested) {
        contested_[address].push_back(workload);
    } else if (claim == kNobody) {
        claim = workload;
    } else {
        contested_[address] = {claim, workload};
        claim = kContested;
    }
}

void Classification::remove_claim(const Address& address, uint32_t workload) {
    uint32_t& claim = addresses_.at(address).workload;
    if (claim != kContested) {
        claim = kNobody;
        return;
    }
    std::vector<uint32_t>& claims = contested_[address];
    claims.erase(std::ranges::find(claims, workload));
    if (claims.size() > 1)
        return;
    claim = claims.front();
    contested_.erase(address);
}

bool Classification::classify(const Address& address, Entry& entry) {
    const auto groups = blocks_.groups_of(address);
    if (entry.workload < kContested && groups.empty()) {  // nearly all of them
        uint32_t& plain = plain_class_[entry.workload];
        if (plain == 0)
            plain = index_of({{entry.workload}, {}});
        move(entry, plain);
        return true;
    }
    AddressClass address_class{{}, {groups.begin(), groups.end()}};
    if (entry.workload == kContested) {
        address_class.workloads = contested_.at(address);
        std::ranges::sort(address_class.workloads);
        address_class.workloads.erase(std::unique(address_class.workloads.begin(), address_class.workloads.end()),
                                      address_class.workloads.end());
    } else if (entry.workload != kNobody) {
        address_class.workloads = {entry.workload};
    } else if (const auto frontend = frontend_at_.find(address); frontend != frontend_at_.end()) {
        address_class.frontend = frontend->second;  // an address that is a pod's is the pod's
    } else {
        return false;
    }
    move(entry, index_of(std::move(address_class)));
    return true;
}

void Classification::move(Entry& entry, uint32_t class_index) {
    use(class_index);
    unuse(std::exchange(entry.class_index, class_index));
}

void Classification::use(uint32_t class_index) {
    if (uses_[class_index]++ == 0)
        --unused_;
}

void Classification::unuse(uint32_t class_index) {
    if (--uses_[class_index] == 0)
        ++unused_;
}

uint32_t Classification::index_of(AddressClass address_class) {
    const auto [entry, added] = known_.try_emplace(std::move(address_class), static_cast<uint32_t>(classes_.size()));
    if (!added)
        return entry->second;
    classes_.push_back(entry->first);
    keys_.push_back(key_of_class(entry->first));
    uses_.push_back(0);
    ++unused_;
    for (const uint32_t workload : entry->first.workloads)
        classes_of_workload_[workload].push_back(entry->second);
    for (const uint32_t group : entry->first.groups)
        classes_in_group_[group].push_back(entry->second);
    if (entry->first.frontend != kNoFrontend)
        classes_of_frontend_[entry->first.frontend].push_back(entry->second);
    return entry->second;
}

std::string Classification::key_of_class(const AddressClass& address_class) const {
    std::string key;
    for (const uint32_t workload : address_class.workloads) {
        const Workload& one = workloads_[workload];
        key += one.ns;
        for (const auto& [name, value] : one.labels)
            key += "," + label_text(name, value);
        for (const NamedPort& port : one.ports)
            key += fmt::format(",:{}:{}:{}", port.name, static_cast<int>(port.protocol), port.number);
        key += "|";
    }
    for (const uint32_t group : address_class.groups)
        key += "#" + group_keys_[group];
    if (address_class.frontend != kNoFrontend)
        key += "@" + frontend_names_[address_class.frontend];
    return key;
}

}  // namespace catflap::compile
