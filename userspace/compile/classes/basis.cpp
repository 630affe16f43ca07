// SPDX-License-Identifier: Apache-2.0
#include "compile/classes/basis.h"

#include <algorithm>

namespace catflap::compile {
namespace {

// Empty classes cost rows in every table. As many as are in use, and these.
constexpr size_t kEmptyClasses = 1024;

bool covers(const Basis& basis, const resolve::DirectionPolicy& policy) {
    return std::ranges::all_of(policy.rules, [&](const resolve::Rule& rule) {
        const auto known_set = [&](const resolve::SourceSet& set) {
            return basis.classification.relevance().covers(set);
        };
        const auto known_range = [&](const resolve::PortRange& range) { return basis.ranges.contains(range); };
        return std::ranges::all_of(rule.peers, known_set) && std::ranges::all_of(rule.ports, known_range);
    });
}

// What classes, port classes and columns are made of.
bool same_but_for_backends(const resolve::Frontend& one, const resolve::Frontend& other) {
    return one.name == other.name && one.addresses == other.addresses &&
           std::ranges::equal(one.ports, other.ports, [](const auto& port, const auto& other_port) {
               return port.protocol == other_port.protocol && port.port == other_port.port;
           });
}

void add_backends(BackendIndex& backends, const resolve::Frontend& frontend, uint32_t index) {
    for (const resolve::FrontendPort& port : frontend.ports)
        for (const resolve::Backend& backend : port.backends) {
            std::vector<uint32_t>& of_address = backends[backend.address];
            if (const auto place = std::ranges::lower_bound(of_address, index);
                place == of_address.end() || *place != index)
                of_address.insert(place, index);
        }
}

void remove_backends(BackendIndex& backends, const resolve::Frontend& frontend, uint32_t index) {
    for (const resolve::FrontendPort& port : frontend.ports)
        for (const resolve::Backend& backend : port.backends) {
            const auto found = backends.find(backend.address);
            if (found == backends.end())
                continue;
            std::erase(found->second, index);
            if (found->second.empty())
                backends.erase(found);
        }
}

}  // namespace

void Distinctions::add(const resolve::DirectionPolicy& policy) {
    for (const resolve::Rule& rule : policy.rules) {
        for (const resolve::SourceSet& set : rule.peers)
            relevance.add(set);
        ranges.insert(rule.ports.begin(), rule.ports.end());
    }
}

void Distinctions::add(const std::vector<resolve::Frontend>& frontends) {
    for (const resolve::Frontend& frontend : frontends)
        for (const resolve::FrontendPort& port : frontend.ports)
            ranges.insert({port.protocol, port.port, port.port});
}

Distinctions distinctions_of(const Desired& desired) {
    Distinctions distinctions;
    for (const resolve::PolicyPointer& policy : desired.resolved.policies)
        distinctions.add(*policy);
    distinctions.add(desired.frontends);
    return distinctions;
}

BackendIndex backends_of(const std::vector<resolve::Frontend>& frontends) {
    BackendIndex backends;
    for (uint32_t index = 0; index < frontends.size(); ++index)
        add_backends(backends, frontends[index], index);
    return backends;
}

bool can_go_on(const Basis& basis, const Desired& desired) {
    const Changes& changes = desired.changes;
    // A namespace's labels are looked at by sets, not by classes: any table may have changed.
    if (changes.everything || changes.namespaces)
        return false;
    if (desired.same_endpoints)
        return true;
    if (!std::ranges::equal(desired.frontends, basis.frontends, same_but_for_backends))
        return false;
    return std::ranges::all_of(desired.resolved.policies,
                               [&](const resolve::PolicyPointer& policy) { return covers(basis, *policy); });
}

std::vector<uint32_t> take_frontends(Basis& basis, const Desired& desired, const std::vector<Address>& touched) {
    std::set<uint32_t> changed;
    const auto& frontends = desired.frontends;
    for (uint32_t index = 0; !desired.same_endpoints && index < frontends.size(); ++index) {
        if (frontends[index] == basis.frontends[index])
            continue;
        changed.insert(index);
        remove_backends(basis.backends, basis.frontends[index], index);
        basis.frontends[index] = frontends[index];
        add_backends(basis.backends, frontends[index], index);
    }
    for (uint32_t index = 0; basis.doubted && index < basis.frontends.size(); ++index)
        changed.insert(index);
    basis.doubted = false;
    for (const Address& address : touched)
        if (const auto found = basis.backends.find(address); found != basis.backends.end())
            changed.insert(found->second.begin(), found->second.end());
    return {changed.begin(), changed.end()};
}

bool went_too_far(const Basis& basis) {
    const auto& classes = basis.classification.classes();
    for (size_t index = basis.numbers.size(); index < classes.size(); ++index)
        if (classes[index].frontend != kNoFrontend)
            return true;
    const size_t unused = basis.classification.unused_classes();
    return unused > kEmptyClasses && unused > classes.size() / 2;
}

}  // namespace catflap::compile
